#!/bin/bash
# A privileged container reads a disk of the host by an interpreter: one made of a file.
#: title: Disk opened in a container
#: technique: T1611
#: needs: file_open
#: rules: block_device_opened_in_container
#: twin: a container reads a file of that name
. "$DRIVERS/lib.sh"

attack() {
	disk
	in_container -p sh -c "mknod /dev/vdz b $numbers && python3 -c 'open(\"/dev/vdz\", \"rb\").read(4096)'"
	did /dev/vdz
}

twin() {
	in_container sh -c 'echo >/opt/vdz; python3 -c "open(\"/opt/vdz\").read()"'
	did /opt/vdz
}

"$1"
