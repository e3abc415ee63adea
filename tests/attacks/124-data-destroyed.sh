#!/bin/bash
# Files are overwritten so that nobody gets them back, and everything is deleted, by a stand-in.
#: title: Bulk deletion and shredding
#: technique: T1485
#: needs: exec
#: rules: files_shredded, root_deleted
#: twin: a build's folder is deleted
. "$DRIVERS/lib.sh"

attack() {
	mkdir data
	touch data/{1..20}
	find data -type f -exec shred -u {} +
	stand_in rm
	rm -rf --no-preserve-root /
	did "$WORK/data" "$WORK/bin/rm"
}

twin() {
	mkdir -p build/out
	touch build/out/{1..20}
	rm -rf build
	did "$WORK/build"
}

"$1"
