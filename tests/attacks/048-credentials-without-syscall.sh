#!/bin/bash
# A hole in the kernel makes a process root: its credentials change, and no system call did that.
#: title: Credentials changed without a legal system call
#: technique: T1068
#: needs: credentials
#: rules: credentials_nobody_gave
#: twin: credentials change by the system call for it
. "$DRIVERS/lib.sh"

attack() { cannot "it takes a kernel with a hole, and none is made here"; }

twin() {
	as_nobody true
	did
}

"$1"
