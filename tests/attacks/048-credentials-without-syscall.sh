#!/bin/bash
# A hole in the kernel makes a process root: its credentials change, and no system call did that.
#: title: Credentials changed without a legal system call
#: technique: T1068
#: needs: credentials
#: rules: credentials_nobody_gave
#: twin: credentials change by the system call for it
. "$DRIVERS/lib.sh"

attack() {
	[ -e "$TOOLS/hole.ko" ] || cannot "it takes a kernel with a hole, such as row a of \`cargo xtask accept reach\` has in a virtual machine"
	insmod "$TOOLS/hole.ko"
	trap 'rmmod hole' EXIT
	as_nobody "$TOOLS/poke"
	did /dev/hole /etc/shadow
}

twin() {
	as_nobody true
	did
}

"$1"
