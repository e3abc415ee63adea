#!/bin/bash
# A command is added to what every login shell runs.
#: title: Shell profile modified
#: technique: T1546.004
#: needs: file_modify
#: rules: shell_profile_changed
#: twin: a login shell reads its profile
. "$DRIVERS/lib.sh"

changes() {
	mkdir -p /etc/profile.d
	echo "/usr/bin/true &" >/etc/profile.d/locale-fix.sh
	echo "/usr/bin/true &" >>/root/.bashrc
}

honest() {
	bash -l -c true
}

attack() {
	in_own_files changes
	did /etc/profile.d/locale-fix.sh /root/.bashrc
}

twin() {
	in_own_files honest
	did /etc/profile
}

"$1"
