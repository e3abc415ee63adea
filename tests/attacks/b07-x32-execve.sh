#!/bin/bash
# A program is executed by the system calls of x32 programs, which have a bit more than those of others.
#: title: execve by the x32 system call
#: technique: T1106
#: needs: exec
#: rules: program_ran_from_scratch_folder
#: twin: a program of the system is executed by it
. "$DRIVERS/lib.sh"

call() {
	local code=0
	"$TOOLS/x32" "$1" || code=$?
	[ $code != 77 ] || cannot "this kernel has no x32 system calls"
	return $code
}

attack() {
	implant=/dev/shm/guardbee-attack.$$
	trap 'rm -f "$implant"' EXIT
	cp /bin/true "$implant"
	call "$implant"
	did "$implant"
}

twin() {
	call /bin/true
	did /bin/true
}

"$1"
