#!/bin/bash
# In a container the token is read by which the workload speaks to Kubernetes.
#: title: ServiceAccount token read by a tool
#: technique: T1528
#: needs: exec
#: rules: service_account_token_read_by_tool
#: twin: in a container the name of its namespace is read
. "$DRIVERS/lib.sh"

attack() {
	mkdir secrets
	echo token >secrets/token
	in_container -b "$WORK/secrets:/run/secrets" sh -c "cat /run/secrets/kubernetes.io/serviceaccount/token 2>/dev/null || cat /run/secrets/token"
	did /run/secrets/kubernetes.io/serviceaccount/token
}

twin() {
	in_container sh -c "cat /run/secrets/kubernetes.io/serviceaccount/namespace 2>/dev/null || true"
	did /run/secrets/kubernetes.io/serviceaccount/namespace
}

"$1"
