#!/bin/bash
# A program takes its own file away and goes on.
#: title: Program deletes itself
#: technique: T1070.004
#: needs: file_delete
#: rules: program_deleted_itself
#: twin: a program deletes a file that it has made
. "$DRIVERS/lib.sh"

attack() {
	cp "$(command -v busybox)" .
	./busybox rm -f busybox
	did "$WORK/busybox"
}

twin() {
	cp "$(command -v busybox)" .
	touch made
	./busybox rm -f made
	did "$WORK/made"
}

"$1"
