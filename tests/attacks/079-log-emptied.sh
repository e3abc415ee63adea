#!/bin/bash
# Logs are emptied by a shell and by a program, lines are taken out of one, and one is moved away: no tool's command line says so.
#: title: Logs emptied, edited and moved
#: technique: T1070.002
#: needs: file_modify
#: rules: log_emptied
#: twin: lines are added to logs, as programs do that log
. "$DRIVERS/lib.sh"

prepare() { echo line | tee -a /var/log/auth.log /var/log/syslog /var/log/wtmp /var/log/messages >/dev/null; }

wipe() {
	prepare
	: >/var/log/auth.log
	python3 -c 'import os; os.truncate("/var/log/wtmp", 0)'
	sed -i /line/d /var/log/syslog
	mv /var/log/messages /var/log/.messages
	ln -s /dev/null /var/log/messages
}

log() {
	prepare
	echo line >>/var/log/auth.log
	echo line >/var/log/application.log
}

attack() {
	export -f prepare
	in_own_files wipe
	did /var/log/auth.log /var/log/wtmp /var/log/syslog /var/log/messages
}

twin() {
	export -f prepare
	in_own_files log
	did /var/log/auth.log /var/log/application.log
}

"$1"
