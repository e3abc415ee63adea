#!/bin/bash
# Auditing, logging and the firewall are switched off, by stand-ins.
#: title: auditd, syslog or firewall disabled
#: technique: T1562.001
#: needs: exec
#: rules: defences_switched_off
#: twin: their state is asked for, and another service is restarted
. "$DRIVERS/lib.sh"

attack() {
	stand_in systemctl
	stand_in auditctl
	stand_in iptables
	systemctl stop auditd
	systemctl disable --now rsyslog.service
	auditctl -e 0
	iptables -F
	did "$WORK/bin/systemctl" "$WORK/bin/auditctl" "$WORK/bin/iptables"
}

twin() {
	stand_in systemctl
	stand_in auditctl
	stand_in iptables
	systemctl status auditd
	systemctl restart nginx
	auditctl -l
	iptables -L -n
	did "$WORK/bin/systemctl" "$WORK/bin/auditctl" "$WORK/bin/iptables"
}

"$1"
