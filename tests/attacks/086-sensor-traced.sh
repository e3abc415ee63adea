#!/bin/bash
# A debugger attaches to the sensor: while it looks, the sensor stands still.
#: title: Sensor traced by a debugger
#: technique: T1562.001
#: needs: access
#: rules: security_daemon_traced
#: twin: a debugger attaches to a process of one's own
. "$DRIVERS/lib.sh"

# Looks at a process for a moment: look PID
look() {
	command -v gdb >/dev/null || cannot "there is no gdb"
	gdb -p "$1" -batch -ex detach >/dev/null 2>&1
}

attack() {
	look "$PIPELINE"
	did "process $PIPELINE"
}

twin() {
	sleep 30 &
	look $!
	kill $!
	did "process $!"
}

"$1"
