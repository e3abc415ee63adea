#!/bin/bash
# A container that asks for names of one domain all its life asks for one of another.
#: title: Name outside of a container's profile
#: technique: T1041
#: needs: dns
#: rules: name_outside_profile
#: learn: 2s
#: twin: it asks for another name of that domain
. "$DRIVERS/lib.sh"

ask_for() { getent ahosts "$1"; }

live() {
	. "$DRIVERS/lib.sh"
	learn ask_for api.shop.example
	ask_for "$1"
}

run() {
	. "$DRIVERS/lib.sh"
	name_server
	in_container -n -b "$WORK/resolv.conf:/etc/resolv.conf" bash -c 'live "$1"' - "$1"
}

attack() {
	export -f live ask_for
	in_own_network run c2.other.example
	did c2.other.example
}

twin() {
	export -f live ask_for
	in_own_network run static.shop.example
	did static.shop.example
}

"$1"
