#!/bin/bash
# A container gets a descriptor of a folder of the host, and names files below it (CVE-2024-21626).
#: title: Files reached through a leaked descriptor
#: technique: T1611
#: needs: exec
#: rules: path_through_descriptor_in_container
#: twin: a container reads a descriptor of its own
. "$DRIVERS/lib.sh"

attack() {
	in_container cat /proc/self/fd/8/etc/hostname 8</ >out
	cmp -s out /etc/hostname || cannot "the descriptor did not lead out"
	did /etc/hostname
}

twin() {
	in_container sh -c 'cat /proc/self/fd/3 3</etc/hostname'
	did /etc/hostname
}

"$1"
