#!/bin/bash
# A service is written where systemd looks for it.
#: title: systemd unit written
#: technique: T1543.002
#: needs: file_modify
#: rules: systemd_unit_written
#: twin: a service's own configuration is written
. "$DRIVERS/lib.sh"

changes() {
	mkdir -p /etc/systemd/system
	printf "[Service]\nExecStart=/usr/bin/true\n" >/etc/systemd/system/updates.service
}

honest() {
	mkdir -p /etc/updates
	printf "[Service]\nlevel=info\n" >/etc/updates/updates.conf
	cat /usr/lib/systemd/system/*.service >/dev/null 2>&1 || true
}

attack() {
	in_own_files changes
	did /etc/systemd/system/updates.service
}

twin() {
	in_own_files honest
	did /etc/updates/updates.conf
}

"$1"
