#!/bin/bash
# A container makes namespaces of its own, in which it may do more.
#: title: unshare in a container
#: technique: T1611
#: needs: exec, namespace
#: rules: unshare_in_container, namespaces_made_in_container
#: twin: unshare on the host
. "$DRIVERS/lib.sh"

attack() {
	in_container -p unshare --mount true
	did "mount namespace"
}

twin() {
	unshare --mount true
	did "mount namespace"
}

"$1"
