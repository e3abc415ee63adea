#!/bin/bash
# A program's file is deleted before it runs, so that nothing is left to look at.
#: title: Deleted file executed
#: technique: T1070.004
#: needs: exec
#: rules: deleted_file_executed
#: twin: a temporary helper is run, then deleted
. "$DRIVERS/lib.sh"

attack() {
	cp /bin/true implant
	exec 9<implant
	rm implant
	/proc/self/fd/9
	did "$WORK/implant"
}

twin() {
	cp /bin/true helper
	./helper
	rm helper
	did "$WORK/helper"
}

"$1"
