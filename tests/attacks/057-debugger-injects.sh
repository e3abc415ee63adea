#!/bin/bash
# gdb has another process run a command.
#: title: Code run in a process by a debugger
#: technique: T1055.008
#: needs: exec
#: rules: debugger_told_to_run_code
#: twin: gdb says where a process is
. "$DRIVERS/lib.sh"

debug() {
	command -v gdb >/dev/null || cannot "gdb is not installed"
	sleep 60 &
	trap 'kill %1' EXIT
	gdb -nx -q -batch -p $! -ex "$1" >out 2>&1 || true
}

attack() {
	debug 'call (int)system("echo hello")'
	did "$(readlink /proc/$!/exe)"
}

twin() {
	debug 'thread apply all bt'
	did "$(readlink /proc/$!/exe)"
}

"$1"
