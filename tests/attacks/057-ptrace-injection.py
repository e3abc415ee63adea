#!/usr/bin/python3
# A process changes the memory of another one as a debugger does.
#: title: ptrace injection
#: technique: T1055.008
#: needs: access
#: rules: process_injected
#: twin: a process is looked at through /proc
import ctypes
import os

from lib import call, did, end, libc, main, victim

POKEDATA, ATTACH, DETACH = 5, 16, 17


def attack():
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    child, address, _ = victim()
    call("ptrace", ATTACH, child, None, None)
    os.waitpid(child, 0)
    call("ptrace", POKEDATA, child, address, 0x90909090)
    call("ptrace", DETACH, child, None, None)
    did(f"memory of {child}")
    end(child)


def twin():
    child, _, _ = victim()
    with open(f"/proc/{child}/status") as file:
        file.read()
    did(f"/proc/{child}/status")
    end(child)


main(attack, twin)
