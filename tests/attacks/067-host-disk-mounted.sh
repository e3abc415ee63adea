#!/bin/bash
# A privileged container mounts a disk of the host: one made of a file.
#: title: Host's disk mounted in a privileged container
#: technique: T1611
#: needs: exec, mount
#: rules: device_mounted_in_container, mount_in_container
#: twin: a container that may mount mounts memory
. "$DRIVERS/lib.sh"

attack() {
	disk
	in_container -p sh -c "mknod /dev/vdz b $numbers && mount /dev/vdz /media && test -e /media/lost+found && umount /media"
	did /dev/vdz /media
}

twin() {
	in_container -a mount -t tmpfs tmpfs /media
	did /media
}

"$1"
