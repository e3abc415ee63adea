#!/bin/bash
# In a privileged container a program is named that the host shall run when a cgroup becomes empty: its old value, so that nothing changes.
#: title: cgroup release_agent written in a container
#: technique: T1611
#: needs: file_modify
#: rules: kernel_helper_named_in_container
#: twin: a limit of an own cgroup is set
. "$DRIVERS/lib.sh"

attack() {
	# A hierarchy of its own, as any privileged container can mount: it exists but for this mount.
	mkdir hierarchy
	trap 'umount hierarchy' EXIT
	mount -t cgroup -o none,name=guardbee-attack hierarchy hierarchy || cannot "this kernel has no cgroup v1, and v2 has no release_agent"
	in_container -p -b "$PWD/hierarchy:/media" sh -c 'agent=$(cat /media/release_agent); echo "$agent" >/media/release_agent'
	did "$PWD/hierarchy/release_agent"
}

twin() {
	in_container -a sh -c 'mkdir -p /opt/group && echo 100 >/opt/group/pids.max'
	did /opt/group/pids.max
}

"$1"
