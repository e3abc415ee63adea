#!/bin/bash
# The shell itself connects to another host, by /dev/tcp.
#: title: Shell process itself connects out
#: technique: T1059.004
#: needs: connect
#: rules: shell_connected_out
#: twin: a health check of this host by the same means
. "$DRIVERS/lib.sh"

out() { bash -c "exec 3<>/dev/tcp/$1/4444" 2>/dev/null || true; } # that nobody answers is no difference

attack() {
	in_own_network out 203.0.113.7
	did 203.0.113.7:4444
}

twin() {
	in_own_network out 127.0.0.1
	did 127.0.0.1:4444
}

"$1"
