#!/bin/bash
# The passwords' hashes are read by other names: a hard link's, one that they are moved to for a moment, and those of two mounts.
#: title: Password hashes read by another name
#: technique: T1003.008
#: needs: file_link, mount, file_open
#: rules: secret_given_another_name
#: twin: other files are linked, moved and mounted
. "$DRIVERS/lib.sh"

read_renamed() {
	ln "$1" /etc/linked
	python3 -c "import os; os.rename('$1', '/etc/moved'); open('/etc/moved').read(); os.rename('/etc/moved', '$1')"
	touch mounted
	mount --bind "$1" mounted
	mkdir folder
	mount --bind /etc folder
	cat /etc/linked mounted "folder/$(basename "$1")" >/dev/null
}

attack() {
	in_own_files read_renamed /etc/shadow
	did /etc/shadow
}

twin() {
	in_own_files read_renamed /etc/hostname
	did /etc/hostname
}

"$1"
