#!/bin/bash
# A packet socket is made through io_uring: no socket(2) is ever called.
#: title: io_uring hides a packet socket
#: technique: T1040
#: needs: socket_change
#: rules: raw_socket_made
#: unless: doctor
#: twin: a connection through a ring
. "$DRIVERS/lib.sh"

reach() {
	"$TOOLS/uring" -c 203.0.113.7 || exit $?
}

attack() {
	doctor=$(doctor_says "what is submitted to io_uring")
	"$TOOLS/uring" -r socket || cannot "this kernel makes no sockets by io_uring"
	did packet
}

twin() {
	in_own_network reach
	did 203.0.113.7:80
}

"$1"
