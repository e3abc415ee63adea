#!/bin/bash
# In a privileged container the host's emergency keys are pressed: the one that prints help.
#: title: sysrq-trigger written in a container
#: technique: T1611
#: needs: file_modify
#: rules: kernel_helper_named_in_container
#: twin: the setting of the keys is read
. "$DRIVERS/lib.sh"

attack() {
	[ -e /proc/sysrq-trigger ] || cannot "this kernel has no emergency keys"
	in_container -p sh -c 'echo h >/proc/sysrq-trigger'
	did /proc/sysrq-trigger
}

twin() {
	in_container sh -c 'cat /proc/sys/kernel/sysrq 2>/dev/null || true'
	did /proc/sys/kernel/sysrq
}

"$1"
