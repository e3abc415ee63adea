#!/bin/bash
# While connect(2) runs, another thread puts a harmless address where the caller's was: who looks there afterwards is told a lie.
#: title: Time of check, time of use: the address is swapped during connect
#: technique: T1562
#: needs: connect
#: rules: cloud_metadata_asked
#: twin: the other way round: the harmless address is used, the other one stands there afterwards
. "$DRIVERS/lib.sh"

# By the name of a tool whose command lines nobody looks through for addresses: these have both.
swap() {
	mkdir -p bin
	cp "$TOOLS/swap" bin/lynx
	bin/lynx "$@"
}

attack() {
	in_own_network swap 169.254.169.254 203.0.113.7
	did 169.254.169.254:80
}

twin() {
	in_own_network swap 203.0.113.7 169.254.169.254 late
	did 203.0.113.7:80
}

"$1"
