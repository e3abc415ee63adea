#!/bin/bash
# The sensor is started where tracefs isn't mounted, without which calls can't be hooked one by one.
#: title: tracefs not mounted
#: technique: T1562.001
#: needs: exec
#: expects: doctor
#: twin: it is mounted
. "$DRIVERS/lib.sh"

hidden() {
	umount --recursive /sys/kernel/tracing 2>/dev/null || true
	umount --recursive /sys/kernel/debug 2>/dev/null || true
	doctor_says tracefs
}

attack() {
	export -f hidden doctor_says as_installed
	doctor=$(unshare --mount -- bash -euo pipefail -c hidden)
	case $doctor in
	*"not mounted"*) did /sys/kernel/tracing ;;
	*) echo "doctor says: $doctor"; return 1 ;;
	esac
}

twin() {
	doctor_says tracefs
	did /sys/kernel/tracing
}

"$1"
