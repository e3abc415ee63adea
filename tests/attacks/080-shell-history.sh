#!/bin/bash
# The shell's memory of commands is deleted, and made to keep nothing.
#: title: Shell history deleted or linked to nothing
#: technique: T1070.003
#: needs: exec
#: rules: shell_history_removed
#: twin: the history is searched, and another link is made
. "$DRIVERS/lib.sh"

wipe() {
	echo ls >/root/.bash_history
	rm -f /root/.bash_history
	ln -sf /dev/null /root/.bash_history
}

search() {
	echo ls >/root/.bash_history
	grep -c ls /root/.bash_history
	ln -sf /dev/null /root/.other
}

attack() {
	in_own_files wipe
	did /root/.bash_history
}

twin() {
	in_own_files search
	did /root/.bash_history
}

"$1"
