#!/bin/bash
# A container speaks to the port of a container runtime, which asks nobody who he is.
#: title: Container runtime's port used in a container
#: technique: T1611
#: needs: connect
#: rules: runtime_api_asked_in_container
#: twin: a container speaks to another service
. "$DRIVERS/lib.sh"

speaks() {
	serve "$1"
	in_container -n python3 -c 'import socket, sys
socket.create_connection(("203.0.113.7", int(sys.argv[1])), 5)' "$1"
}

attack() {
	export -f serve in_container as_installed end_servers
	in_own_network speaks 2375
	did 203.0.113.7:2375
}

twin() {
	export -f serve in_container as_installed end_servers
	in_own_network speaks 5432
	did 203.0.113.7:5432
}

"$1"
