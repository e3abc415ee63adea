#!/bin/bash
# The dynamic loader runs a file that is not executable.
#: title: Program given to the dynamic loader
#: technique: T1218
#: needs: exec
#: rules: program_ran_by_loader
#: twin: the loader says which libraries a program needs
. "$DRIVERS/lib.sh"

loader=$(ldd /bin/true | grep -o '/lib[^ ]*/ld-[^ ]*')

attack() {
	local file=/dev/shm/guardbee-attack.$$
	trap "rm -f $file" EXIT
	cat /bin/true >"$file"
	"$loader" "$file"
	did "$file"
}

twin() {
	cp /bin/true tool
	ldd tool
	"$loader" --verify "$WORK/tool"
	did "$WORK/tool"
}

"$1"
