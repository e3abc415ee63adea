#!/bin/bash
# A program is started with a library from a scratch folder put into it.
#: title: LD_PRELOAD of a library in a scratch folder
#: technique: T1574.006
#: needs: exec
#: rules: library_forced_from_scratch_folder
#: twin: a memory allocator of the system is preloaded
. "$DRIVERS/lib.sh"

attack() {
	trap 'rm -f /dev/shm/guardbee-attack.so' EXIT
	: >/dev/shm/guardbee-attack.so
	env LD_PRELOAD=/dev/shm/guardbee-attack.so true 2>/dev/null
	did /dev/shm/guardbee-attack.so
}

twin() {
	env LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libm.so.6 true
	did /usr/lib/x86_64-linux-gnu/libm.so.6
}

"$1"
