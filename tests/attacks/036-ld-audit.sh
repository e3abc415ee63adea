#!/bin/bash
# A script puts a library from a scratch folder into a program: no command line says so, the program's environment does.
#: title: LD_AUDIT of a library in a scratch folder, by a script
#: technique: T1574.006
#: needs: exec
#: rules: library_forced_from_scratch_folder
#: twin: a library of the system audits the program
. "$DRIVERS/lib.sh"

attack() {
	trap 'rm -f /var/tmp/guardbee-attack.so' EXIT
	: >/var/tmp/guardbee-attack.so
	LD_AUDIT=/var/tmp/guardbee-attack.so /usr/bin/id 2>/dev/null >&2
	did /var/tmp/guardbee-attack.so
}

twin() {
	LD_AUDIT=/usr/lib/x86_64-linux-gnu/libm.so.6 /usr/bin/id 2>/dev/null >&2
	did /usr/lib/x86_64-linux-gnu/libm.so.6
}

"$1"
