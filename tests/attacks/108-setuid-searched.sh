#!/bin/bash
# Programs are looked for that run as another user.
#: title: Set-user-ID programs searched
#: technique: T1083
#: needs: exec
#: rules: setuid_programs_searched
#: twin: files are looked for by other permissions
. "$DRIVERS/lib.sh"

attack() {
	find /usr/bin -xdev -perm -4000 -type f >found
	did /usr/bin
}

twin() {
	find /usr/bin -xdev -perm -0755 -name true >found
	did /usr/bin
}

"$1"
