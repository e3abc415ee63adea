#!/bin/bash
# A service is written where a user's systemd looks for it: that needs no privilege.
#: title: systemd unit of a user written
#: technique: T1543.002
#: needs: file_modify
#: rules: systemd_unit_written
#: twin: a program's own settings are written
. "$DRIVERS/lib.sh"

changes() {
	mkdir -p /root/.config/systemd/user
	printf "[Service]\nExecStart=/usr/bin/true\n" >/root/.config/systemd/user/updates.service
}

honest() {
	mkdir -p /root/.config/updates
	printf "level=info\n" >/root/.config/updates/updates.conf
}

attack() {
	in_own_files changes
	did /root/.config/systemd/user/updates.service
}

twin() {
	in_own_files honest
	did /root/.config/updates/updates.conf
}

"$1"
