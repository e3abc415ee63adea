#!/bin/bash
# A library that every program shall load is named in /etc/ld.so.preload.
#: title: ld.so.preload written
#: technique: T1574.006
#: needs: file_modify
#: rules: loader_preload_changed
#: twin: the loader's cache is looked at
. "$DRIVERS/lib.sh"

changes() {
	echo "# /usr/lib/libaudit-helper.so" >/etc/ld.so.preload
}

honest() {
	cat /etc/ld.so.conf >/dev/null
	/sbin/ldconfig -p >/dev/null
}

attack() {
	in_own_files changes
	did /etc/ld.so.preload
}

twin() {
	in_own_files honest
	did /etc/ld.so.conf
}

"$1"
