#!/bin/bash
# A container that speaks to one service all its life speaks to somebody else.
#: title: Connection outside of a container's profile
#: technique: T1041
#: needs: connect
#: rules: connection_outside_profile
#: learn: 2s
#: twin: it speaks to another host of that service
. "$DRIVERS/lib.sh"

speak() { curl -s --max-time 10 "http://$1/"; }

live() {
	. "$DRIVERS/lib.sh"
	learn speak 203.0.113.7:8080
	speak "$1"
}

run() {
	. "$DRIVERS/lib.sh"
	serve 8080 4444
	in_container -n bash -c 'live "$1"' - "$1"
}

attack() {
	export -f live speak
	in_own_network run 198.51.100.9:4444
	did 198.51.100.9:4444
}

twin() {
	export -f live speak
	in_own_network run 198.51.100.9:8080
	did 198.51.100.9:8080
}

"$1"
