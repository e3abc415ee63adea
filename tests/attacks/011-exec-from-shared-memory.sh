#!/bin/bash
# A program is brought to where everybody may write, and run from there.
#: title: Program executed from /dev/shm, and hidden in /tmp
#: technique: T1059
#: needs: exec
#: rules: program_ran_from_scratch_folder
#: twin: a build tries what its compiler made, in /tmp
. "$DRIVERS/lib.sh"

attack() {
	one=/dev/shm/guardbee-attack.$$ other=/tmp/.guardbee-attack.$$
	trap 'rm -f "$one" "$other"' EXIT
	cp /bin/true "$one"
	"$one"
	cp /bin/true "$other"
	"$other"
	did "$one" "$other"
}

twin() {
	local build
	build=$(mktemp -d)
	cp /bin/true "$build/conftest"
	"$build/conftest"
	rm -r "$build"
	did "$build/conftest"
}

"$1"
