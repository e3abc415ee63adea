#!/bin/bash
# Through io_uring a secret gets another name, a cron job its place, a log is deleted and an attribute set: no call of a name is ever made.
#: title: io_uring hides what is done to names and attributes
#: technique: T1106
#: needs: io_uring
#: rules: names_changed_through_io_uring, files_through_io_uring
#: unless: doctor
#: twin: the same is done to files of one's own by calls
. "$DRIVERS/lib.sh"

change() {
	echo line >>/var/log/auth.log
	echo "* * * * * root true" >job
	cp job /etc/job
	mkdir -p /etc/cron.d
	"$TOOLS/uring" -l /etc/shadow /etc/.hidden
	"$TOOLS/uring" -m /etc/job /etc/cron.d/job
	"$TOOLS/uring" -u /var/log/auth.log
	"$TOOLS/uring" -x job
}

attack() {
	"$TOOLS/uring" /etc/hostname || cannot "this kernel has no io_uring for us"
	doctor=$(doctor_says "what is submitted to io_uring")
	in_own_files change
	did /etc/.hidden /etc/cron.d/job /var/log/auth.log
}

twin() {
	echo data >one
	ln one two
	mv two three
	python3 -c 'import os; os.setxattr("three", "trusted.guardbee", b"1")'
	rm three
	did "$WORK/one"
}

"$1"
