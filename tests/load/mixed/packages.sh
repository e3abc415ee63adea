#!/usr/bin/env bash
# Package installs: packages with users, units, jobs, set-user-id programs and PAM files are installed and purged, by apt as anywhere.
. "$(dirname "$0")/lib.sh"
need apt-get dpkg unshare
export DEBIAN_FRONTEND=noninteractive SUDO_FORCE_REMOVE=yes
packages="sudo cron logrotate openssh-server rsyslog at"
# shellcheck disable=SC2086 # lists of words
apt() { apt-get -qq -y --no-install-recommends -o Dir::Cache::archives="$folder/debs" "$@"; }
export -f apt
export packages

round() {
	# No service is started: it would outlive the round.
	printf '#!/bin/sh\nexit 101\n' >"$copies/policy"
	chmod +x "$copies/policy"
	touch /usr/sbin/policy-rc.d
	mount --bind "$copies/policy" /usr/sbin/policy-rc.d
	apt --no-download install $packages
	dpkg --verify $packages
	apt purge $packages
}

if [ ! -e "$folder/debs/done" ]; then
	mkdir -p "$folder/debs/partial"
	apt --download-only install $packages
	touch "$folder/debs/done"
fi
in_copies round
