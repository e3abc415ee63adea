#!/bin/bash
# A tool that records what others send runs without anybody at a terminal, by a stand-in.
#: title: Packet capture by a tool
#: technique: T1040
#: needs: exec
#: rules: sniffer_started
#: twin: a recording is read with it
. "$DRIVERS/lib.sh"

attack() {
	stand_in tcpdump
	setsid tcpdump -i any -w recorded
	did "$WORK/bin/tcpdump"
}

twin() {
	stand_in tcpdump
	setsid tcpdump -n -r recorded
	did "$WORK/bin/tcpdump"
}

"$1"
