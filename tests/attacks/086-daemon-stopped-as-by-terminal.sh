#!/bin/bash
# A security daemon is stopped by the signal that a terminal sends to who reads from it in vain, for a moment.
#: title: Security daemon stopped as if by its terminal
#: technique: T1562.001
#: needs: signal
#: rules: security_daemon_signalled
#: twin: a daemon is sent signals that it ignores
. "$DRIVERS/lib.sh"

attack() {
	daemon rsyslogd
	kill -TTIN "$daemon"
	wait_for stopped
	kill -CONT "$daemon"
	did "signal to $daemon"
}

stopped() { grep -q '^State:\sT' "/proc/$daemon/status"; }

twin() {
	trap '' TTIN USR1 BUS RTMIN+3
	daemon rsyslogd
	kill -TTIN "$daemon"
	kill -USR1 "$daemon"
	kill -BUS "$daemon"
	kill -RTMIN+3 "$daemon"
	did "signal to $daemon"
}

"$1"
