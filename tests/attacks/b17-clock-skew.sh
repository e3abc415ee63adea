#!/bin/bash
# A process lives in another time: the clock since boot is days ahead for it, by which events are put in order.
#: title: Clock skewed by a time namespace
#: technique: T1070.006
#: needs: exec
#: rules: program_ran_from_scratch_folder
#: twin: a program of the system runs there
. "$DRIVERS/lib.sh"

attack() {
	implant=/dev/shm/guardbee-attack.$$
	trap 'rm -f "$implant"' EXIT
	cp /bin/true "$implant"
	unshare --time --boottime 900000 --monotonic 900000 --fork "$implant" || cannot "this kernel has no time namespaces"
	did "$implant"
}

twin() {
	unshare --time --boottime 900000 --monotonic 900000 --fork true || cannot "this kernel has no time namespaces"
	did /bin/true
}

"$1"
