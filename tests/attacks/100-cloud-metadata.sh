#!/bin/bash
# A tool asks the cloud's metadata service for credentials.
#: title: Cloud metadata asked by a tool
#: technique: T1552.005
#: needs: connect
#: rules: cloud_metadata_asked
#: twin: the cloud's agent asks it, and the tool another address
. "$DRIVERS/lib.sh"

tool() { curl -s --max-time 5 "http://$1/latest/meta-data/iam/security-credentials/" || true; } # nobody answers here

agent() {
	as_installed cloud-init /bin/busybox nc -w 1 169.254.169.254 80 </dev/null || true
	tool 203.0.113.7
}

attack() {
	in_own_network tool 169.254.169.254
	did 169.254.169.254:80
}

twin() {
	export -f tool as_installed
	in_own_network agent
	did 169.254.169.254:80 203.0.113.7:80
}

"$1"
