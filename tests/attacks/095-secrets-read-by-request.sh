#!/bin/bash
# A request climbs to a file of the system, and the web application itself reads it.
#: title: /etc/shadow read by a web application for a request
#: technique: T1190
#: needs: file_open, request
#: rules: web_request_read_secrets
#: twin: a request makes it read a file of its own
. "$DRIVERS/lib.sh"

attack() {
	web
	ask read /etc/shadow
	did /etc/shadow
}

twin() {
	echo page >page.html
	web
	ask read "$WORK/page.html"
	did "$WORK/page.html"
}

"$1"
