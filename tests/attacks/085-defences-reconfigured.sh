#!/bin/bash
# Auditing, logging and SELinux are told to do nothing, and a profile of AppArmor is deleted, in files of one's own.
#: title: Configuration of defences changed
#: technique: T1562.001
#: needs: file_create, file_delete
#: rules: defences_reconfigured
#: twin: another service is configured
. "$DRIVERS/lib.sh"

switch_off() {
	mkdir -p /etc/audit/rules.d /etc/selinux /etc/apparmor.d
	echo "-D" >/etc/audit/rules.d/zz.rules
	echo "SELINUX=disabled" >/etc/selinux/config
	echo "*.* stop" >/etc/rsyslog.conf
	touch /etc/apparmor.d/usr.sbin.service
	rm /etc/apparmor.d/usr.sbin.service
}

configure() {
	mkdir -p /etc/service.d
	echo "level=3" >/etc/service.d/service.conf
	rm /etc/service.d/service.conf
}

attack() {
	in_own_files switch_off
	did /etc/audit/rules.d/zz.rules /etc/selinux/config /etc/rsyslog.conf /etc/apparmor.d/usr.sbin.service
}

twin() {
	in_own_files configure
	did /etc/service.d/service.conf
}

"$1"
