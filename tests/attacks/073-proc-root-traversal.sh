#!/bin/bash
# A container that sees the host's processes goes through one's root to the host's files.
#: title: Host's files reached through /proc/PID/root
#: technique: T1611
#: needs: exec
#: rules: host_files_through_proc_root
#: twin: a process is looked at
. "$DRIVERS/lib.sh"

attack() {
	in_container -p -h sh -c "cat /proc/$$/root/etc/shadow >/dev/null"
	did "/proc/$$/root/etc/shadow"
}

twin() {
	in_container -h sh -c "cat /proc/$$/status >/dev/null"
	did "/proc/$$/status"
}

"$1"
