#!/bin/bash
# The sensor is stopped, for a moment: an intruder would leave it so, and it could never say that it was.
#: title: Sensor stopped by a signal
#: technique: T1562.001
#: needs: signal
#: rules: security_daemon_signalled
#: twin: a process ends its own child
. "$DRIVERS/lib.sh"

attack() {
	trap 'kill -CONT "$PIPELINE"' EXIT
	kill -STOP "$PIPELINE"
	did "signal to $PIPELINE"
}

twin() {
	sleep 30 &
	kill -TERM $!
	wait || true
	did "signal to $!"
}

"$1"
