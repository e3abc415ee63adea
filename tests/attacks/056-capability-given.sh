#!/bin/bash
# A program is given a capability that is as good as being root.
#: title: Capability given to a program
#: technique: T1548.001
#: needs: exec
#: rules: capability_given_to_program
#: twin: a server is allowed to listen on a low port
. "$DRIVERS/lib.sh"

attack() {
	cp /bin/true tool
	setcap cap_setuid+ep tool
	did "$WORK/tool"
}

twin() {
	cp /bin/true tool
	setcap cap_net_bind_service+ep tool
	did "$WORK/tool"
}

"$1"
