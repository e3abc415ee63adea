#!/bin/bash
# A miner is started as miners are, by a stand-in.
#: title: Crypto-miner
#: technique: T1496
#: needs: exec
#: rules: miner_started
#: twin: a file is hashed
. "$DRIVERS/lib.sh"

attack() {
	stand_in kdevtmpfsi
	kdevtmpfsi -o stratum+tcp://pool.example:3333 -u wallet -p x --donate-level 1 --cpu-priority 5
	did "$WORK/bin/kdevtmpfsi"
}

twin() {
	sha256sum /bin/true
	did /bin/true
}

"$1"
