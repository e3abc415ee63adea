#!/bin/bash
# A privileged container reads a disk of the host past its file system: one made of a file.
#: title: Raw block device read in a container
#: technique: T1611
#: needs: exec
#: rules: block_device_read_in_container
#: twin: a container writes a file of zeros
. "$DRIVERS/lib.sh"

attack() {
	disk
	in_container -p sh -c "mknod /dev/vdz b $numbers && dd if=/dev/vdz of=/dev/null bs=4096 count=1 2>&1"
	did /dev/vdz
}

twin() {
	in_container dd if=/dev/zero of=/opt/zeros bs=4096 count=1 2>&1
	did /opt/zeros
}

"$1"
