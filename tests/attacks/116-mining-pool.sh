#!/bin/bash
# A program asks for the name of a mining pool.
#: title: Mining pool looked up
#: technique: T1496.001
#: needs: dns
#: rules: mining_pool_looked_up
#: twin: one asks for the name of a time server's pool
. "$DRIVERS/lib.sh"

resolve() {
	. "$DRIVERS/lib.sh"
	name_server
	getent ahosts "$1" >/dev/null
}

attack() {
	in_own_network resolve pool.supportxmr.com
	did pool.supportxmr.com
}

twin() {
	in_own_network resolve 2.pool.ntp.org
	did 2.pool.ntp.org
}

"$1"
