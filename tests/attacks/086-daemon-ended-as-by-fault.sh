#!/bin/bash
# Security daemons are ended by signals that nobody sends: of a fault, and of real time.
#: title: Security daemon ended by rare signals
#: technique: T1562.001
#: needs: signal
#: rules: security_daemon_signalled
#: twin: a process ends its own child by such a signal
. "$DRIVERS/lib.sh"

attack() {
	daemon rsyslogd
	kill -BUS "$daemon"
	wait "$daemon" || [ $? -eq 135 ]
	daemon auditd
	kill -RTMIN+3 "$daemon"
	wait "$daemon" || [ $? -eq 165 ]
	did "signals to $daemon"
}

twin() {
	sleep 30 &
	kill -BUS $!
	wait || true
	did "signal to $!"
}

"$1"
