#!/bin/bash
# A container is started with all capabilities.
#: title: Privileged container started
#: technique: T1610
#: needs: exec
#: rules: privileged_container_started
#: twin: a container is started with those that Docker gives
. "$DRIVERS/lib.sh"

attack() {
	in_container -p true
	did /bin/true
}

twin() {
	in_container true
	did /bin/true
}

"$1"
