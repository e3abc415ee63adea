#!/usr/bin/python3
# A process that isn't root becomes root by a system call, and no set-user-id program is in between.
#: title: A process becomes root by setuid(0)
#: technique: T1548.001
#: needs: credentials
#: rules: became_root_by_call
#: twin: a daemon gives up being root
import ctypes
import os
import struct

from lib import call, did, main

PR_SET_KEEPCAPS, SETUID, SYS_CAPSET_VERSION = 8, 7, 0x20080522
NOBODY = 65534


def attack():
    call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    head = ctypes.create_string_buffer(struct.pack("<Ii", SYS_CAPSET_VERSION, 0))
    mask = 1 << SETUID
    call("capset", head, ctypes.create_string_buffer(struct.pack("<6I", mask, mask, 0, 0, 0, 0)))
    os.setuid(0)
    did("uid 65534 to 0")


def twin():
    child = os.fork()
    if child == 0:
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        os._exit(0)
    os.waitpid(child, 0)
    did("uid 0 to 65534")


main(attack, twin)
