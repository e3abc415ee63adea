#!/bin/bash
# Services of many kinds are ended at once, by stand-ins: what holds data open stands in the way of who encrypts it.
#: title: Services ended by signals
#: technique: T1489
#: needs: signal
#: rules: services_ended_by_signals
#: twin: a shell ends its jobs, and one service
. "$DRIVERS/lib.sh"

attack() {
	for service in mysqld nginx redis-server slapd; do
		daemon $service
		kill -KILL "$daemon"
	done
	did "signal to $daemon"
}

twin() {
	for job in one two three four nginx; do
		daemon $job
		kill -TERM "$daemon"
	done
	did "signal to $daemon"
}

"$1"
