#!/bin/bash
# What matters on a command line stands in the middle of thousands of bytes that don't.
#: title: Long command line
#: technique: T1027
#: needs: exec
#: rules: command_line_hides_its_middle
#: twin: a program is given a long list of files
. "$DRIVERS/lib.sh"

attack() {
	padding=$(printf 'x%d=0;' {1..2000})
	python3 -c "${padding}import socket,subprocess;subprocess.call(['/bin/sh','-c','exit']);$padding"
	did /bin/sh
}

twin() {
	# shellcheck disable=SC2046 # many words
	/bin/true $(printf 'file%d ' {1..2000})
	did /bin/true
}

"$1"
