#!/bin/bash
# A request makes the web application itself ask the cloud's metadata service: server-side request forgery.
#: title: Cloud metadata asked by a web application for a request
#: technique: T1190
#: needs: connect, request
#: rules: request_reached_cloud_metadata
#: twin: a request makes it ask another service
. "$DRIVERS/lib.sh"

asked() {
	. "$DRIVERS/lib.sh"
	web
	ask get "$1:80"
}

attack() {
	in_own_network asked 169.254.169.254
	did 169.254.169.254:80
}

twin() {
	in_own_network asked 203.0.113.7
	did 203.0.113.7:80
}

"$1"
