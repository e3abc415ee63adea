#!/bin/bash
# A container gets a descriptor of a folder of the host, and runs a program there (CVE-2024-21626).
#: title: Working directory outside of the container, by a leaked descriptor
#: technique: T1611
#: needs: exec
#: rules: program_from_outside_its_root
#: twin: a program in a container runs in a folder of its own
. "$DRIVERS/lib.sh"

attack() {
	in_container sh -c 'cd /proc/self/fd/8 && exec ./bin/cat etc/hostname' 8</ >out
	cmp -s out /etc/hostname || cannot "the descriptor did not lead out"
	did /etc/hostname
}

twin() {
	in_container sh -c 'cd /usr && exec ./bin/cat ../etc/hostname'
	did /etc/hostname
}

"$1"
