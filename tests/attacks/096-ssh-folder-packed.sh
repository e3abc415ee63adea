#!/bin/bash
# A user's keys are taken with the folder that they are in: no command line names them.
#: title: SSH private keys taken with their folder
#: technique: T1552.004
#: needs: file_open
#: rules: ssh_key_read
#: twin: ssh-keygen reads a key to show the public half of it
. "$DRIVERS/lib.sh"

attack() {
	mkdir -p .ssh
	ssh-keygen -q -t ed25519 -N "" -f .ssh/id_ed25519
	(cd .ssh && tar -cf - .) | wc -c
	did "$WORK/.ssh/id_ed25519"
}

twin() {
	mkdir -p .ssh
	ssh-keygen -q -t ed25519 -N "" -f .ssh/id_ed25519
	ssh-keygen -y -f .ssh/id_ed25519
	did "$WORK/.ssh/id_ed25519"
}

"$1"
