#!/bin/bash
# Keys are searched for, and one is read.
#: title: SSH private keys searched and read
#: technique: T1552.004
#: needs: exec
#: rules: ssh_keys_searched, ssh_key_read_by_tool
#: twin: known hosts and a public key are looked at
. "$DRIVERS/lib.sh"

attack() {
	mkdir -p .ssh
	echo key >.ssh/id_ed25519
	find "$WORK" -name id_ed25519 -o -name id_rsa
	cat .ssh/id_ed25519
	did "$WORK/.ssh/id_ed25519"
}

twin() {
	mkdir -p .ssh
	echo key >.ssh/id_ed25519.pub
	find "$WORK" -name "*.pub"
	cat .ssh/id_ed25519.pub
	did "$WORK/.ssh/id_ed25519.pub"
}

"$1"
