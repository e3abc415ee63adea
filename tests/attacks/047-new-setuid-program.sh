#!/bin/bash
# A user runs a set-user-id program that was left outside of the system's folders, and is root.
#: title: Recently made set-user-id program executed
#: technique: T1548.001
#: needs: exec
#: rules: setuid_program_outside_system_folders
#: twin: a user runs a set-user-id program of the system
. "$DRIVERS/lib.sh"

plain() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }

attack() {
	cp "$TOOLS/nothing" helper
	chmod 4755 helper
	plain ./helper
	did "$WORK/helper"
}

twin() {
	plain /usr/bin/passwd --help >/dev/null || true
	did /usr/bin/passwd
}

"$1"
