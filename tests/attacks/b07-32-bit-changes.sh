#!/bin/bash
# A job for cron is moved into place and a program made a set-user-id one by the system calls of 32-bit programs, before a sensor that
# is told to see the ends of all calls: by tracepoints of single calls neither is seen.
#: title: Files changed by 32-bit system calls
#: technique: T1106
#: needs: file_rename, file_attribute
#: rules: cron_job_written, setuid_bit_set
#: dispatch: full
#: twin: a file is moved and made executable by them
. "$DRIVERS/lib.sh"

call() {
	local code=0
	"$TOOLS/int80" "$@" || code=$?
	[ $code != 77 ] || cannot "this kernel has no 32-bit system calls"
	return $code
}

changes() {
	mkdir -p /etc/cron.d
	echo "* * * * * root /usr/bin/true" >/etc/job
	call rename /etc/job /etc/cron.d/job
	cp /bin/true helper
	call chmod helper 4755
}

honest() {
	echo done >/etc/job
	call rename /etc/job /etc/jobs.txt
	call chmod /etc/jobs.txt 755
}

attack() {
	export -f call cannot
	in_own_files changes
	did /etc/cron.d/job "$WORK/helper"
}

twin() {
	export -f call cannot
	in_own_files honest
	did /etc/jobs.txt
}

"$1"
