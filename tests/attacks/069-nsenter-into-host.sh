#!/bin/bash
# A privileged container enters the namespaces of a process of the host.
#: title: nsenter into a namespace of the host
#: technique: T1611
#: needs: exec, namespace
#: rules: nsenter_in_container, container_entered_host_namespace
#: twin: an administrator enters a namespace from the host
. "$DRIVERS/lib.sh"

attack() {
	in_container -p -h nsenter --target $$ --mount true
	did "namespaces of $$"
}

twin() {
	nsenter --target $$ --mount true
	did "namespaces of $$"
}

"$1"
