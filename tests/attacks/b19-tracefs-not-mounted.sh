#!/bin/bash
# The sensor is started where tracefs isn't mounted, without which the older list of hooks can't be used.
#: title: tracefs not mounted
#: technique: T1562.001
#: needs: exec
#: expects: doctor
#: twin: it is mounted
. "$DRIVERS/lib.sh"

doctor() {
	as_installed guardbee "$GUARDBEE" doctor | grep '^tracefs' || true
}

hidden() {
	umount --recursive /sys/kernel/tracing 2>/dev/null || true
	umount --recursive /sys/kernel/debug 2>/dev/null || true
	doctor
}

attack() {
	export -f hidden doctor as_installed
	said=$(unshare --mount -- bash -euo pipefail -c hidden)
	case $said in
	*"not mounted"*) printf '{"behaviour":"%s","pid":%d,"paths":["/sys/kernel/tracing"],"doctor":"%s"}\n' "$ID" $$ "$(tr -s ' ' <<<"$said")" ;;
	*) echo "doctor says: $said"; return 1 ;;
	esac
}

twin() {
	doctor
	did /sys/kernel/tracing
}

"$1"
