#!/bin/bash
# What makes exploits of the kernel harder is switched off, once by a stand-in and once by hand: what is written is what stands there already.
#: title: Protections of the kernel lowered
#: technique: T1562.001
#: needs: exec, file_modify
#: rules: kernel_protection_set
#: twin: they are read, and another setting is written
. "$DRIVERS/lib.sh"

attack() {
	local place=/proc/sys/kernel/randomize_va_space value
	stand_in sysctl
	sysctl -w kernel.randomize_va_space=0
	value=$(cat $place)
	echo "$value" >$place
	did $place
}

twin() {
	local place=/proc/sys/kernel/printk_delay value
	stand_in sysctl
	sysctl kernel.randomize_va_space
	cat /proc/sys/kernel/randomize_va_space >/dev/null
	value=$(cat $place)
	echo "$value" >$place
	did $place
}

"$1"
