#!/bin/bash
# A new file in a container is made executable.
#: title: chmod +x on a new file in a container
#: technique: T1222.002
#: needs: file_attribute
#: rules: file_made_executable_in_container
#: twin: a data file gets the mode that it should have
. "$DRIVERS/lib.sh"

attack() {
	in_container sh -c 'cat /bin/true >/opt/implant; chmod +x /opt/implant'
	did /opt/implant
}

twin() {
	in_container sh -c 'echo data >/opt/data; chmod 640 /opt/data'
	did /opt/data
}

"$1"
