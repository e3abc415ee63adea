#!/bin/bash
# What a request carries is evaluated, and the web application asks for a name that tells the intruder so.
#: title: Application calls back by a name, for a request
#: technique: T1190
#: needs: dns, request
#: rules: request_led_to_callback
#: twin: a request makes it ask for the name of a service of its own
. "$DRIVERS/lib.sh"

called() {
	. "$DRIVERS/lib.sh"
	name_server
	web
	ask get "$1:80"
}

attack() {
	in_own_network called c2a1b0.oast.fun
	did c2a1b0.oast.fun
}

twin() {
	in_own_network called database.internal.example
	did database.internal.example
}

"$1"
