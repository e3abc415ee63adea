#!/bin/bash
# A module is loaded into the kernel.
#: title: Kernel module loaded
#: technique: T1547.006
#: needs: extension
#: twin: the loaded modules are listed
. "$DRIVERS/lib.sh"

attack() {
	[ -e /proc/modules ] || cannot "this kernel has no loadable modules"
	modinfo dummy >/dev/null || cannot "the module dummy isn't there for this kernel"
	modprobe dummy
	did "$(modinfo -n dummy)"
	rmmod dummy
}

twin() {
	cat /proc/modules >/dev/null 2>&1 || true
	did /proc/modules
}

"$1"
