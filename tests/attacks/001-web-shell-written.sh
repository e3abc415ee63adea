#!/bin/bash
# A request makes the web application write a script among its uploads.
#: title: Web shell written by a request
#: technique: T1505.003
#: needs: file_create, request
#: rules: web_request_wrote_script
#: twin: a request makes it write a picture
. "$DRIVERS/lib.sh"

upload() {
	mkdir uploads
	web
	ask write "$WORK/uploads/$1"
	did "$WORK/uploads/$1"
}

attack() { upload avatar.php; }

twin() { upload avatar.png; }

"$1"
