#!/usr/bin/python3
# A program attaches to another process and reads its memory word by word.
#: title: Memory of another process read by ptrace
#: technique: T1003.007
#: needs: access
#: rules: process_traced_by_no_debugger
#: twin: a process traces what it has started
import ctypes
import os
import signal

from lib import call, did, end, libc, main, victim

TRACEME, PEEKDATA, CONT, ATTACH, DETACH = 0, 2, 7, 16, 17


def attack():
    child, address, _ = victim()
    call("ptrace", ATTACH, child, None, None)
    os.waitpid(child, 0)
    libc.ptrace.restype = ctypes.c_long
    word = libc.ptrace(PEEKDATA, child, ctypes.c_void_p(address), None)
    assert word.to_bytes(8, "little", signed=True).startswith(b"secret"), word
    call("ptrace", DETACH, child, None, None)
    did(f"memory of {child}")
    end(child)


def twin():
    child = os.fork()
    if child == 0:
        libc.ptrace(TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(child, 0)
    call("ptrace", CONT, child, None, None)
    os.waitpid(child, 0)
    did(f"process {child}")


main(attack, twin)
