#!/bin/bash
# A request climbs out of the folder of pages, to the list of users and to the application's settings.
#: title: Files read by a web application that was made to climb
#: technique: T1190
#: needs: file_open, request
#: rules: web_request_climbed_to_file
#: twin: it reads its settings by their straight name, and a page by a name that climbs
. "$DRIVERS/lib.sh"

shop() {
	mkdir -p pages/en
	echo PASSWORD=secret >.env
	web
}

attack() {
	shop
	ask read pages/en/../../.env
	ask read pages/../../../../../../../../etc/passwd
	did "$WORK/.env" /etc/passwd
}

twin() {
	shop
	echo page >pages/index.html
	ask read "$WORK/.env"
	ask read pages/en/../../pages/index.html
	did "$WORK/.env" "$WORK/pages/index.html"
}

"$1"
