#!/bin/bash
# A debugger writes the memory of a process to a file.
#: title: Memory of another process dumped by a debugger
#: technique: T1003.007
#: needs: exec
#: rules: process_dumped_by_debugger
#: twin: a debugger looks where a process stands
. "$DRIVERS/lib.sh"

# Tells a debugger what to do with a process: debug COMMAND
debug() {
	command -v gdb >/dev/null || cannot "there is no gdb"
	sleep 30 &
	gdb -p $! -batch -ex "$1" >/dev/null 2>&1
	kill $!
}

attack() {
	debug "generate-core-file $WORK/core"
	test -s core
	did "$WORK/core"
}

twin() {
	debug "info threads"
	did "process $!"
}

"$1"
