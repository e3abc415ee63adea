#!/bin/bash
# A process in a container speaks to the container runtime of the host: who can do that is root on the host.
#: title: Container runtime's socket used in a container
#: technique: T1611
#: needs: connect
#: rules: runtime_socket_used_in_container
#: twin: a process in a container speaks to its database by a socket
. "$DRIVERS/lib.sh"

listens() {
	python3 "$DRIVERS/tools/socket_file.py" "$WORK/$1" &
	trap 'kill %1; wait' EXIT
	wait_for test -e listening
}

attack() {
	listens docker.sock
	in_container -b "$WORK/docker.sock:/run/docker.sock" curl -s --max-time 5 --unix-socket /run/docker.sock http://localhost/containers/json || true
	did /run/docker.sock
}

twin() {
	listens database.sock
	in_container -b "$WORK/database.sock:/run/database.sock" curl -s --max-time 5 --unix-socket /run/database.sock http://localhost/ || true
	did /run/database.sock
}

"$1"
