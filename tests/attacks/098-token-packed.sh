#!/bin/bash
# In a container a shell reads the token by which the workload speaks to Kubernetes, and the folder around it is packed.
#: title: ServiceAccount token read without being named
#: technique: T1528
#: needs: file_open
#: rules: service_account_token_read
#: twin: the name of its namespace is read, and a client reads the token
. "$DRIVERS/lib.sh"

secrets() {
	mkdir -p secrets/kubernetes.io/serviceaccount
	echo token | tee secrets/kubernetes.io/serviceaccount/token secrets/kubernetes.io/serviceaccount/namespace >/dev/null
}

attack() {
	secrets
	in_container -b "$WORK/secrets:/run/secrets" bash -c 'token=$(</run/secrets/kubernetes.io/serviceaccount/token)'
	in_container -b "$WORK/secrets:/run/secrets" tar cf /dev/shm/packed /run/secrets
	did /run/secrets/kubernetes.io/serviceaccount/token
}

twin() {
	secrets
	in_container -b "$WORK/secrets:/run/secrets" bash -c 'cat /run/secrets/kubernetes.io/serviceaccount/namespace'
	in_container -b "$WORK/secrets:/run/secrets" python3 -c 'open("/run/secrets/kubernetes.io/serviceaccount/token").read()'
	did /run/secrets/kubernetes.io/serviceaccount/token
}

"$1"
