#!/bin/bash
# A disk, of one's own, is overwritten by a shell and its tools.
#: title: Disk overwritten
#: technique: T1561.001
#: needs: file_modify
#: rules: disk_overwritten
#: twin: a file system is made on it
. "$DRIVERS/lib.sh"

attack() {
	disk
	head -c 4M /dev/zero >"$device"
	cp image copy
	cat copy >"$device"
	did "$device"
}

twin() {
	disk
	mkfs.ext4 -q -F "$device"
	did "$device"
}

"$1"
