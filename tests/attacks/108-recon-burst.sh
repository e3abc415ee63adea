#!/bin/bash
# Whoever has just got in asks who and where he is, and who else is there.
#: title: Burst of looking around
#: technique: T1082
#: needs: exec
#: rules: burst_of_looking_around
#: twin: a script asks for the system's name, twice
. "$DRIVERS/lib.sh"

attack() {
	local tool
	for tool in id whoami hostname "uname -a" "ps aux" "ss -tlnp" who lsblk "df -h" "ip address"; do
		$tool >/dev/null 2>&1 || true
	done
	did
}

twin() {
	uname -s
	hostname
	id -u
	uname -m
	df -h . >/dev/null
	did
}

"$1"
