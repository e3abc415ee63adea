#!/bin/bash
# A file is opened by the system call of 32-bit programs, which has another number: no tracepoint of a call tells it.
#: title: A file opened by the 32-bit system call
#: technique: T1106
#: needs: file_open
#: rules: shadow_read
#: unless: doctor
#: twin: a file that everybody may read is opened by it
. "$DRIVERS/lib.sh"

call() {
	local code=0
	"$TOOLS/int80" open "$1" || code=$?
	[ $code != 77 ] || cannot "this kernel has no 32-bit system calls"
	return $code
}

attack() {
	call /etc/shadow
	doctor=$(doctor_says "done to files by io_uring or 32-bit calls: open")
	did /etc/shadow
}

twin() {
	call /etc/hostname
	did /etc/hostname
}

"$1"
