#!/bin/bash
# netcat listens, and gives a shell to whoever comes.
#: title: netcat listens and executes a shell
#: technique: T1059
#: needs: exec
#: rules: netcat_gives_program, netcat_listens
#: twin: netcat asks whether a port is open
. "$DRIVERS/lib.sh"

bound() {
	mkdir bin
	cp /bin/busybox bin/nc
	bin/nc -l -p 4444 -e /bin/sh &
	wait_for grep -q ':115C 0*:0000 0A' /proc/net/tcp /proc/net/tcp6 # 4444, listening
	timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/4444; echo "id; exit" >&3; cat <&3 >out'
	wait
}

asks() {
	mkdir bin
	cp /bin/busybox bin/nc
	bin/nc -w 1 127.0.0.1 6379 </dev/null || true
}

attack() {
	in_own_network bound
	did "$WORK/bin/nc" /bin/sh
}

twin() {
	in_own_network asks
	did "$WORK/bin/nc"
}

"$1"
