#!/bin/bash
# A key of the intruder's is added to those that may log in.
#: title: authorized_keys modified
#: technique: T1098.004
#: needs: file_modify
#: rules: authorized_keys_changed
#: twin: ssh notes a host that it has met
. "$DRIVERS/lib.sh"

changes() {
	mkdir -p -m 700 /root/.ssh
	echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGd1YXJkYmVlIGRyaXZlciwgbm8gcmVhbCBrZXkh x" >>/root/.ssh/authorized_keys
}

honest() {
	mkdir -p -m 700 /root/.ssh
	echo "host.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGd1YXJkYmVlIGRyaXZlciwgbm8gcmVhbCBrZXkh" >>/root/.ssh/known_hosts
}

attack() {
	in_own_files changes
	did /root/.ssh/authorized_keys
}

twin() {
	in_own_files honest
	did /root/.ssh/known_hosts
}

"$1"
