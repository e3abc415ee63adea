#!/bin/bash
# A program is run by other names than its own: by a symbolic link, and through /proc/self/root.
#: title: Symbolic link and /proc/self/root in front of the path
#: technique: T1036
#: needs: exec
#: rules: program_ran_from_scratch_folder
#: twin: a link from a scratch folder to a program of the system
. "$DRIVERS/lib.sh"

attack() {
	implant=/dev/shm/guardbee-attack.$$
	trap 'rm -f "$implant"' EXIT
	cp /bin/true "$implant"
	ln -s "/proc/self/root$implant" updater
	./updater
	did "$implant" "$WORK/updater"
}

twin() {
	link=/dev/shm/guardbee-attack.$$
	trap 'rm -f "$link"' EXIT
	ln -s /bin/true "$link"
	"$link"
	did "$link" /bin/true
}

"$1"
