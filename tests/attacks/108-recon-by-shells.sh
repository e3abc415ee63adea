#!/bin/bash
# A host is looked at by tools that are each started by a shell of its own, and by one program that is all of them.
#: title: Looking around, each tool by a shell of its own
#: technique: T1082
#: needs: exec
#: rules: burst_of_looking_around
#: twin: the same few tools again and again
. "$DRIVERS/lib.sh"

attack() {
	local tool
	for tool in id whoami hostname "uname -a" "ps aux" "ss -tlnp" who lsblk "df -h" "ip address" mount lscpu uptime; do
		bash -c "$tool; true" >/dev/null 2>&1
	done
	did
}

twin() {
	local round
	for round in {1..10}; do
		bash -c "id; true"
		bash -c "uname; true"
	done >/dev/null
	did
}

"$1"
