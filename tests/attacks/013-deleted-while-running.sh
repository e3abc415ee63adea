#!/bin/bash
# Whoever started a new program deletes its file while it runs.
#: title: Program deleted while it runs
#: technique: T1070.004
#: needs: exec, file_delete
#: rules: running_program_deleted
#: twin: a new program has ended when its file is deleted
. "$DRIVERS/lib.sh"

attack() {
	cp /bin/sleep agent
	./agent 60 &
	trap 'kill %1' EXIT
	wait_for test "$(readlink /proc/$!/exe)" = "$WORK/agent"
	rm agent
	did "$WORK/agent"
}

twin() {
	cp /bin/true conftest
	./conftest
	rm conftest
	did "$WORK/conftest"
}

"$1"
