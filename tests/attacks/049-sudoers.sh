#!/bin/bash
# A user may become root without a password from now on.
#: title: sudoers modified
#: technique: T1548.003
#: needs: file_modify
#: rules: sudoers_changed
#: twin: the rules of sudo are read
. "$DRIVERS/lib.sh"

changes() {
	mkdir -p /etc/sudoers.d
	echo "nobody ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/90-cloud
}

honest() {
	mkdir -p /etc/default
	cat /etc/sudoers /etc/sudoers.d/* >/dev/null 2>&1 || true
	echo "options" >/etc/default/service
}

attack() {
	in_own_files changes
	did /etc/sudoers.d/90-cloud
}

twin() {
	in_own_files honest
	did /etc/default/service
}

"$1"
