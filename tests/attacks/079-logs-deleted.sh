#!/bin/bash
# Logs are deleted, emptied and overwritten.
#: title: Logs deleted or emptied
#: technique: T1070.002
#: needs: exec
#: rules: log_removed_by_tool
#: twin: logs are rotated, and an application's own old one is deleted
. "$DRIVERS/lib.sh"

wipe() {
	echo line | tee /var/log/auth.log /var/log/syslog /var/log/wtmp >/dev/null
	rm -f /var/log/auth.log
	truncate -s 0 /var/log/wtmp
	shred -u /var/log/syslog
}

rotate() {
	echo line >/var/log/application.log
	mv /var/log/application.log /var/log/application.log.1
	gzip /var/log/application.log.1
	rm -f "$WORK/old.log"
}

attack() {
	in_own_files wipe
	did /var/log/auth.log /var/log/wtmp /var/log/syslog
}

twin() {
	in_own_files rotate
	did /var/log/application.log
}

"$1"
