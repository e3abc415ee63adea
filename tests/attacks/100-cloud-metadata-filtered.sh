#!/bin/bash
# A tool asks the cloud's metadata service, which a firewall keeps from it: nobody answers, and it gives up.
#: title: Cloud metadata asked in vain
#: technique: T1552.005
#: needs: connect
#: rules: cloud_metadata_asked
#: twin: another address does not answer
. "$DRIVERS/lib.sh"

tool() {
	# What goes there comes back by the loopback device, is for nobody here, and is dropped.
	ip route add "$1" dev lo
	! curl -s --max-time 1 "http://$1/latest/meta-data/"
}

attack() {
	in_own_network tool 169.254.170.2
	did 169.254.170.2:80
}

twin() {
	in_own_network tool 169.254.1.1
	did 169.254.1.1:80
}

"$1"
