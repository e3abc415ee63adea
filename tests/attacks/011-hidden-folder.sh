#!/bin/bash
# Programs and scripts run out of hidden folders in /tmp and /var/tmp, and by their names out of shared memory.
#: title: Program executed from a hidden folder
#: technique: T1564.001
#: needs: exec
#: rules: program_ran_from_scratch_folder
#: twin: a build in such a folder tries what it made
. "$DRIVERS/lib.sh"

attack() {
	local one=/var/tmp/.guardbee-attack.$$ other=/dev/shm/guardbee-attack.$$.sh
	trap "rm -rf $one $other" EXIT
	mkdir "$one"
	cp /bin/true "$one/tool"
	"$one/tool"
	echo : >"$other"
	(cd /dev/shm && sh "${other##*/}")
	did "$one/tool" "$other"
}

twin() {
	local build=/tmp/.build-guardbee.$$
	trap "rm -rf $build" EXIT
	mkdir "$build"
	cp /bin/true "$build/conftest"
	"$build/conftest"
	did "$build/conftest"
}

"$1"
