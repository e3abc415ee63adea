#!/bin/bash
# The half of the sensor that holds its programs in the kernel is killed, and they are gone with it. The other half finds that, signs
# that nothing is watched any more, and ends, so that whoever starts services starts the sensor anew.
#: title: Sensor's loader killed
#: technique: T1562.001
#: needs: signal
#: rules: security_daemon_signalled
#: expects: statement
#: ends: sensor
#: twin: a process kills its own child
. "$DRIVERS/lib.sh"

has_ended() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]Z' "/proc/$1/status" 2>/dev/null; }

said() { tail -c "+$1" "$RECORDS" | grep -o "the loader has ended: nothing is watched"; }

attack() {
	local length others other
	length=$(stat -c %s "$RECORDS")
	others=$(pgrep -P "$LOADER")
	kill -KILL "$LOADER"
	for other in $others; do wait_for has_ended "$other"; done
	printf '{"behaviour":"%s","pid":%d,"paths":["signal to %d"],"statement":"%s"}\n' "$ID" $$ "$LOADER" "$(said "$length" | head -1)"
}

twin() {
	sleep 30 &
	kill -KILL $!
	wait || true
	did "signal to $!"
}

"$1"
