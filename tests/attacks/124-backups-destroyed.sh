#!/bin/bash
# Volumes, snapshots and backups are destroyed, by stand-ins.
#: title: Snapshots and backups destroyed
#: technique: T1490
#: needs: exec
#: rules: backups_destroyed
#: twin: old backups are given up, and snapshots are listed
. "$DRIVERS/lib.sh"

attack() {
	stand_in zfs
	stand_in vgremove
	stand_in snapper
	zfs destroy -r tank/data@daily
	vgremove -f vg0
	snapper delete 1-100
	did "$WORK/bin/zfs" "$WORK/bin/vgremove" "$WORK/bin/snapper"
}

twin() {
	stand_in zfs
	stand_in restic
	zfs list -t snapshot
	restic forget --keep-daily 7 --prune
	did "$WORK/bin/zfs" "$WORK/bin/restic"
}

"$1"
