#!/bin/bash
# A program that is not in the container's image is brought in and run.
#: title: Drop and execute in a container
#: technique: T1105
#: needs: exec
#: rules: new_file_ran_in_container
#: twin: a program of the image runs
. "$DRIVERS/lib.sh"

attack() {
	in_container sh -c 'cp /bin/true /opt/implant; /opt/implant'
	did /opt/implant
}

twin() {
	in_container sh -c 'cp /bin/true /opt/copy; /bin/true'
	did /opt/copy /bin/true
}

"$1"
