#!/bin/bash
# A container that sees the host's processes links to one's root, and a program reads through the link.
#: title: Host's files reached through a link to /proc/PID/root
#: technique: T1611
#: needs: file_symlink
#: rules: link_to_root_of_process
#: twin: a link to the root of one's own process
. "$DRIVERS/lib.sh"

attack() {
	echo "import os; os.symlink('/proc/$$/root', '/dev/shm/link'); open('/dev/shm/link/etc/hostname').read()" >program.py
	in_container -p -h -b "$WORK/program.py:/etc/hosts" python3 /etc/hosts
	did "/proc/$$/root/etc/hostname"
}

twin() {
	echo "import os; os.symlink('/proc/self/root', '/dev/shm/link'); open('/dev/shm/link/etc/hostname').read()" >program.py
	in_container -b "$WORK/program.py:/etc/hosts" python3 /etc/hosts
	did /proc/self/root/etc/hostname
}

"$1"
