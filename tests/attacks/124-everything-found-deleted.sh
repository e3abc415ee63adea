#!/bin/bash
# All files below a folder of data are found and deleted, with nothing that narrows the choice.
#: title: Data deleted by find
#: technique: T1485
#: needs: exec
#: rules: everything_found_deleted
#: twin: files of a certain name are found there and deleted
. "$DRIVERS/lib.sh"

data() {
	trap 'rm -rf /srv/guardbee-attack' EXIT
	mkdir -p /srv/guardbee-attack
	touch /srv/guardbee-attack/{1..20}.txt
	did /srv/guardbee-attack
}

attack() {
	data
	find /srv/guardbee-attack -type f -delete
}

twin() {
	data
	find /srv/guardbee-attack -type f -name '1*.txt' -delete
}

"$1"
