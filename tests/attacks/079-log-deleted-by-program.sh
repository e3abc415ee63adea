#!/bin/bash
# A log is deleted by a program of the intruder's own, whose command line doesn't say so.
#: title: Log deleted by a program
#: technique: T1070.002
#: needs: file_delete
#: rules: log_deleted
#: twin: it deletes a log of its own
. "$DRIVERS/lib.sh"

wipe() {
	echo line >"/var/log/$1"
	echo "import os; os.unlink('/var/log/$1')" >program.py
	python3 program.py
}

attack() {
	in_own_files wipe auth.log
	did /var/log/auth.log
}

twin() {
	in_own_files wipe application.log
	did /var/log/application.log
}

"$1"
