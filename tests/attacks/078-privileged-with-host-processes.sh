#!/bin/bash
# A container is started with all capabilities and with the host's processes: none of its programs is the first of a namespace.
#: title: Privileged container with the host's processes
#: technique: T1610
#: needs: exec
#: rules: privileged_container_started
#: twin: a container is started with the host's processes and what Docker gives
. "$DRIVERS/lib.sh"

attack() {
	in_container -p -h true
	did /bin/true
}

twin() {
	in_container -h true
	did /bin/true
}

"$1"
