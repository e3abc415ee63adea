#!/bin/bash
# A user becomes root in a user namespace and mounts there: the way to much of the kernel that is else root's.
#: title: Unprivileged user namespace, then a mount
#: technique: T1611
#: needs: exec, namespace
#: rules: user_namespace_by_unprivileged_user, user_namespace_made
#: twin: root gives a job a mount namespace
. "$DRIVERS/lib.sh"

attack() {
	as_nobody unshare --user --map-root-user --mount mount -t tmpfs tmpfs /mnt || cannot "this kernel gives users no user namespaces"
	did /mnt
}

twin() {
	unshare --mount mount -t tmpfs tmpfs /mnt
	did /mnt
}

"$1"
