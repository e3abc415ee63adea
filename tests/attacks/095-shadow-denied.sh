#!/bin/bash
# A user tries whether the hashes of passwords can be read, as tools do that look for ways to become root.
#: title: /etc/shadow denied to a user
#: technique: T1003.008
#: needs: file_open_failed
#: rules: password_hashes_denied
#: twin: the list of users is read, and a backup of it is not there
. "$DRIVERS/lib.sh"

try() { as_nobody python3 -c 'import sys; open(sys.argv[1])' "$1" 2>&1 || true; }

attack() {
	try /etc/shadow
	did /etc/shadow
}

twin() {
	try /etc/passwd
	try /etc/passwd.none
	did /etc/passwd
}

"$1"
