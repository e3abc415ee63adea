#!/bin/bash
# A request climbs to a file of the system, which the user that the web application runs as may not read.
#: title: /etc/shadow denied to a web application for a request
#: technique: T1190
#: needs: file_open_failed, request
#: rules: web_request_denied_secrets, password_hashes_denied
#: twin: it is denied a file of its own
. "$DRIVERS/lib.sh"

attack() {
	web as_nobody
	ask read /etc/shadow
	did /etc/shadow
}

twin() {
	echo page >page.html
	chmod 0 page.html
	web as_nobody
	ask read "$WORK/page.html"
	did "$WORK/page.html"
}

"$1"
