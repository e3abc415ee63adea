#!/bin/bash
# On the host the program is named that the kernel runs when something crashes: its old value, by an interpreter.
#: title: core_pattern written on the host
#: technique: T1546
#: needs: file_modify, exec
#: rules: kernel_helper_named, kernel_helper_named_by_sysctl
#: twin: an administrator sets it, and it is read
. "$DRIVERS/lib.sh"

attack() {
	python3 -c 'path = "/proc/sys/kernel/core_pattern"
value = open(path).read()
open(path, "w").write(value)'
	# It only says what it would do.
	sysctl --dry-run -w 'kernel.core_pattern=|/tmp/guardbee-attack' || true
	did /proc/sys/kernel/core_pattern
}

twin() {
	sysctl -q -w "kernel.core_pattern=$(cat /proc/sys/kernel/core_pattern)"
	did /proc/sys/kernel/core_pattern
}

"$1"
