#!/bin/bash
# Through io_uring secrets get names that say nothing: only where they were tells what they are.
#: title: io_uring hides where a file was
#: technique: T1106
#: needs: io_uring
#: rules: files_through_io_uring
#: unless: doctor
#: twin: a file of one's own gets another name through a ring
. "$DRIVERS/lib.sh"

hide() {
	"$TOOLS/uring" -m /etc/gshadow /etc/page || exit $?
	cd /etc
	"$TOOLS/uring" -m shadow ./other
}

attack() {
	"$TOOLS/uring" /etc/hostname || cannot "this kernel has no io_uring for us"
	doctor=$(doctor_says "what is submitted to io_uring")
	in_own_files hide
	did /etc/page /etc/other
}

twin() {
	echo data >one
	"$TOOLS/uring" -m one two || mv one two
	did "$WORK/two"
}

"$1"
