#!/bin/bash
# Folders in which clients of clouds and clusters keep credentials are packed, and a shell reads one of them.
#: title: Cloud credentials packed with their folder
#: technique: T1552.001
#: needs: file_open
#: rules: cloud_credentials_read
#: twin: a folder beside them is packed, and a client's settings are read
. "$DRIVERS/lib.sh"

take() {
	mkdir -p /root/.aws /root/.kube
	echo secret | tee /root/.aws/credentials /root/.kube/config >/dev/null
	tar -C /root -cf packed.tar .aws .kube
	secret=$(</root/.kube/config)
}

look() {
	mkdir -p /root/.aws /root/.project
	echo region | tee /root/.aws/config /root/.project/settings >/dev/null
	tar -C /root -cf packed.tar .project
	cat /root/.aws/config >/dev/null
}

attack() {
	in_own_files take
	did /root/.aws/credentials /root/.kube/config
}

twin() {
	in_own_files look
	did /root/.project /root/.aws/config
}

"$1"
