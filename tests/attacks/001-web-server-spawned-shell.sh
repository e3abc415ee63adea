#!/bin/bash
# A request to a web application with a hole makes it run commands in a shell.
#: title: Web server spawns a shell and looks around
#: technique: T1190
#: needs: exec, request
#: rules: web_request_spawned_shell, web_request_ran_recon
#: twin: the application runs its helper, without a shell
. "$DRIVERS/lib.sh"

attack() {
	web
	ask run 'id; uname -a'
	did /usr/bin/id /usr/bin/uname
}

twin() {
	web
	ask exec 'date +%s'
	did /usr/bin/date
}

"$1"
