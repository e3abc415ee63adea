#!/bin/bash
# A program is executed by the system calls of 32-bit programs, which have other numbers.
#: title: execve by the 32-bit system call
#: technique: T1106
#: needs: exec
#: rules: program_ran_from_scratch_folder
#: twin: a program of the system is executed by it
. "$DRIVERS/lib.sh"

call() {
	local code=0
	"$TOOLS/int80" execve "$1" || code=$?
	[ $code != 77 ] || cannot "this kernel has no 32-bit system calls"
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
