#!/bin/bash
# A privileged container makes the node of a disk of the host, by a name that says nothing: one made of a file.
#: title: Device made in a container
#: technique: T1611
#: needs: file_node
#: rules: device_made_in_container
#: twin: a container makes a named pipe, and a null device
. "$DRIVERS/lib.sh"

attack() {
	disk
	in_container -p mknod /opt/data b ${numbers% *} ${numbers#* }
	did /opt/data
}

twin() {
	in_container sh -c 'mknod /opt/pipe p && mkfifo /opt/other && mknod /opt/null c 1 3'
	did /opt/pipe
}

"$1"
