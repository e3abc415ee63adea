#!/bin/bash
# A daemon that speaks to one service all its life speaks to somebody else. It is another one in each part, by its path.
#: title: Connection outside of a program's profile
#: technique: T1041
#: needs: connect
#: rules: connection_outside_profile
#: learn: 2s
#: twin: it speaks to another host of that service
. "$DRIVERS/lib.sh"

# Without a terminal: what somebody does at one is nobody's profile.
speak() { setsid --wait "$WORK/agent" -s --max-time 10 "http://$1/"; }

live() {
	. "$DRIVERS/lib.sh"
	serve 8080 4444
	cp "$(command -v curl)" "$WORK/agent"
	learn speak 203.0.113.7:8080
	speak "$1"
}

attack() {
	export -f speak
	in_own_network live 198.51.100.9:4444
	did 198.51.100.9:4444
}

twin() {
	export -f speak
	in_own_network live 198.51.100.9:8080
	did 198.51.100.9:8080
}

"$1"
