#!/bin/bash
# The half of the sensor that looks for attacks is killed. The other half starts it anew, and it reads on where its rings were read to.
#: title: Sensor killed
#: technique: T1562.001
#: needs: signal
#: rules: security_daemon_signalled
#: twin: a process kills its own child
. "$DRIVERS/lib.sh"

attack() {
	kill -KILL "$PIPELINE"
	# Nothing may be asked of it before: so this process is there when the next one looks around.
	wait_for another
	did "signal to $PIPELINE"
}

another() { [ -n "$(pgrep -P "$LOADER" | grep -vx "$PIPELINE")" ]; }

twin() {
	sleep 30 &
	kill -KILL $!
	wait || true
	did "signal to $!"
}

"$1"
