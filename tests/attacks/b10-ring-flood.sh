#!/bin/bash
# Thousands of programs are started so that among them one isn't seen.
#: title: Flood of execs
#: technique: T1562
#: needs: exec
#: rules: program_ran_from_scratch_folder
#: twin: the flood alone
. "$DRIVERS/lib.sh"

attack() {
	implant=/dev/shm/guardbee-attack.$$
	trap 'rm -f "$implant"' EXIT
	cp /bin/true "$implant"
	"$TOOLS/flood" 3000 "$TOOLS/nothing" &
	"$TOOLS/flood" 3000 "$TOOLS/nothing"
	"$implant"
	wait
	did "$implant"
}

twin() {
	"$TOOLS/flood" 3000 "$TOOLS/nothing"
	did "$TOOLS/nothing"
}

"$1"
