#!/bin/bash
# A job for cron is written where cron looks for it, and one for a user.
#: title: cron job created
#: technique: T1053.003
#: needs: file_modify
#: rules: cron_job_written
#: twin: the jobs are read, and a job's output is kept
. "$DRIVERS/lib.sh"

changes() {
	mkdir -p /etc/cron.d /var/spool/cron/crontabs
	echo "* * * * * root /usr/bin/true" >/etc/cron.d/backup
	echo "* * * * * /usr/bin/true" >/var/spool/cron/crontabs/root
}

honest() {
	cat /etc/cron.d/* /etc/crontab >/dev/null 2>&1 || true
	echo done >>/var/log/backup.log
}

attack() {
	in_own_files changes
	did /etc/cron.d/backup /var/spool/cron/crontabs/root
}

twin() {
	in_own_files honest
	did /var/log/backup.log
}

"$1"
