#!/bin/bash
# Somebody types into a shell in a container: it has a terminal.
#: title: Interactive shell in a container
#: technique: T1609
#: needs: exec
#: rules: interactive_shell_in_container
#: twin: the container's start script
. "$DRIVERS/lib.sh"

attack() {
	in_container script -q -e -c 'bash -c id' /dev/null
	did /bin/bash
}

twin() {
	in_container sh -c 'id; date'
	did /bin/sh
}

"$1"
