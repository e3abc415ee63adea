#!/bin/bash
# In a privileged container the program is named that the host runs when something crashes: its old value, so that nothing changes.
#: title: core_pattern written in a container
#: technique: T1611
#: needs: file_modify
#: rules: kernel_helper_named_in_container
#: twin: the setting is read
. "$DRIVERS/lib.sh"

attack() {
	in_container -p sh -c 'pattern=$(cat /proc/sys/kernel/core_pattern); echo "$pattern" >/proc/sys/kernel/core_pattern'
	did /proc/sys/kernel/core_pattern
}

twin() {
	in_container sh -c 'cat /proc/sys/kernel/core_pattern'
	did /proc/sys/kernel/core_pattern
}

"$1"
