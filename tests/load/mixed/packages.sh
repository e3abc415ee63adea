#!/usr/bin/env bash
# Package installs: packages with users, units, jobs, set-user-id programs, PAM files and defences are installed, used and purged, by
# apt as anywhere.
. "$(dirname "$0")/lib.sh"
need apt-get dpkg unshare
export DEBIAN_FRONTEND=noninteractive SUDO_FORCE_REMOVE=yes
packages="sudo cron logrotate openssh-server openssh-client rsyslog at rsync
	fail2ban unattended-upgrades auditd postfix ufw chrony snmpd dnsmasq apparmor tcpdump avahi-daemon dbus policykit-1"
# shellcheck disable=SC2086 # lists of words
apt() { apt-get -qq -y --no-install-recommends -o Dir::Cache::archives="$folder/debs" "$@"; }
# As an administrator does: users, their jobs and keys, a session, a backup, the logs.
use() {
	mount -t tmpfs tmpfs /run
	mkdir -p /run/sshd /run/lock
	useradd --create-home --shell /bin/bash keeper
	echo keeper:keeper | chpasswd
	echo 'keeper ALL=(ALL) NOPASSWD: ALL' | EDITOR=tee visudo --file=/etc/sudoers.d/keeper
	runuser -u keeper -- sudo --non-interactive id
	echo '0 4 * * * true' | crontab -u keeper -
	runuser -u keeper -- ssh-keygen -q -N '' -f /home/keeper/.ssh/id_ed25519 -t ed25519
	# To write authorized_keys is what a rule is to find.
	/usr/sbin/sshd -D -p 2299 -o ListenAddress=127.0.0.1 -o PidFile=/run/sshd.pid -o AuthorizedKeysFile=.ssh/id_ed25519.pub &
	until [ -s /run/sshd.pid ]; do sleep 0.05; done
	runuser -u keeper -- ssh -p 2299 -o StrictHostKeyChecking=no 127.0.0.1 'uptime; df -h; sudo -n tail -n 1 /var/log/dpkg.log'
	runuser -u keeper -- rsync -e 'ssh -p 2299' -a /usr/share/doc/sudo 127.0.0.1:copied
	kill "$(cat /run/sshd.pid)"
	logrotate --force /etc/logrotate.conf
	tar -C / -czf "$copies/backup.tar.gz" var/lib/dpkg home
	userdel --remove keeper
}
export -f apt use
export packages

round() {
	# No service is started: it would outlive the round.
	printf '#!/bin/sh\nexit 101\n' >"$copies/policy"
	chmod +x "$copies/policy"
	touch /usr/sbin/policy-rc.d
	mount --bind "$copies/policy" /usr/sbin/policy-rc.d
	apt --no-download install $packages
	dpkg --verify $packages
	use
	apt purge $packages
}

if [ ! -e "$folder/debs/done" ]; then
	mkdir -p "$folder/debs/partial"
	apt --download-only install $packages
	touch "$folder/debs/done"
fi
in_copies round
