#!/bin/bash
# A connection is made through io_uring: no connect(2) is ever called.
#: title: io_uring hides a connection
#: technique: T1562
#: needs: connect
#: rules: cloud_metadata_asked
#: twin: another address is reached the same way
. "$DRIVERS/lib.sh"

reach() {
	mkdir -p bin
	cp "$TOOLS/uring" bin/curl
	bin/curl -c "$1" || exit $?
}

attack() {
	in_own_network reach 169.254.169.254
	did 169.254.169.254:80
}

twin() {
	in_own_network reach 203.0.113.7
	did 203.0.113.7:80
}

"$1"
