#!/usr/bin/python3
# Secrets are read out of another process's memory.
#: title: Memory of another process dumped
#: technique: T1003.007
#: needs: access
#: rules: memory_of_process_read
#: twin: a process does the same to itself
import ctypes
import os

from lib import call, did, end, libc, main, vector, victim


def move(process, address, size):
    own = ctypes.create_string_buffer(b"changed", size)
    libc.process_vm_readv.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_ulong]
    moved = call("process_vm_readv", process, vector(ctypes.addressof(own), size), 1, vector(address, size), 1, 0)
    assert moved == size, f"{moved} bytes in place of {size}"


def attack():
    child, address, size = victim()
    move(child, address, size)
    did(f"memory of {child}")
    end(child)


def twin():
    other = ctypes.create_string_buffer(64)
    move(os.getpid(), ctypes.addressof(other), len(other))
    did("memory of its own")


main(attack, twin)
