#!/bin/bash
# A request makes the web application list a folder of keys: nothing is run, no file is opened.
#: title: Folder of SSH keys listed by a web application for a request
#: technique: T1083
#: needs: folder_open, request
#: rules: web_request_listed_keys
#: twin: it lists its own pages
. "$DRIVERS/lib.sh"

attack() {
	mkdir .ssh
	web
	ask list "$WORK/.ssh"
	did "$WORK/.ssh"
}

twin() {
	mkdir pages
	web
	ask list "$WORK/pages"
	did "$WORK/pages"
}

"$1"
