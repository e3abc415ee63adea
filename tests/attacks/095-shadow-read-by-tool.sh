#!/bin/bash
# The passwords' hashes are looked at by the usual tools.
#: title: /etc/shadow read by a tool
#: technique: T1003.008
#: needs: exec
#: rules: password_hashes_read_by_tool
#: twin: the list of users is looked at
. "$DRIVERS/lib.sh"

attack() {
	cat /etc/shadow >/dev/null
	did /etc/shadow
}

twin() {
	cat /etc/passwd >/dev/null
	did /etc/passwd
}

"$1"
