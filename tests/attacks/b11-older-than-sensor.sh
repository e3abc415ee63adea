#!/bin/bash
# A process that was there before the sensor acts: whoever learns of processes by their execs knows nothing of it.
#: title: Process older than the sensor
#: technique: T1562
#: needs: exec
#: rules: database_ran_program
#: twin: it starts a program of its own
. "$DRIVERS/lib.sh"

# The elder, whose executable is called mysqld, runs a program; it is not of this driver's family, and is named for that.
told() {
	local answer
	echo "$1" >"$ELDER"
	read -r answer <"$ELDER.answer"
	[ "$answer" = 0 ] || { echo "the elder says: $answer"; return 1; }
	printf '{"behaviour":"%s","pid":%d,"elder":%d,"paths":["%s"]}\n' "$ID" $$ "$ELDER_PID" "$1"
}

attack() { told /usr/bin/id; }

twin() {
	own=/usr/local/sbin/mysqld.$$/mysqld
	trap 'rm -rf "${own%/*}"' EXIT
	mkdir "${own%/*}"
	cp "$TOOLS/nothing" "$own"
	told "$own"
}

"$1"
