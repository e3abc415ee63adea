#!/bin/bash
# A module is loaded into the kernel, by none of the programs that do so for the system.
#: title: Kernel module loaded
#: technique: T1547.006
#: needs: extension
#: rules: kernel_module_loaded
#: twin: the loaded modules are listed
. "$DRIVERS/lib.sh"

attack() {
	[ -e /proc/modules ] || cannot "this kernel has no loadable modules"
	modinfo dummy >/dev/null || cannot "the module dummy isn't there for this kernel"
	# finit_module; 4: the kernel decompresses it
	python3 -c 'import ctypes, os, sys
number = {"x86_64": 313, "aarch64": 273}[os.uname().machine]
path = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
file = os.open(path, os.O_RDONLY)
if libc.syscall(number, file, b"", 0 if path.endswith(".ko") else 4) != 0:
    sys.exit(f"finit_module: {os.strerror(ctypes.get_errno())}")' "$(modinfo -n dummy)"
	did "$(modinfo -n dummy)"
	rmmod dummy
}

twin() {
	cat /proc/modules >/dev/null 2>&1 || true
	did /proc/modules
}

"$1"
