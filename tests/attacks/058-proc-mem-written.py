#!/usr/bin/python3
# A process writes into another one's memory through /proc/PID/mem.
#: title: /proc/PID/mem written
#: technique: T1055.009
#: needs: file_modify
#: rules: memory_written_through_proc
#: twin: a process reads its own memory map
import os

from lib import did, end, main, victim


def attack():
    child, address, _ = victim()
    path = f"/proc/{child}/mem"
    with open(path, "r+b", buffering=0) as memory:
        os.pwrite(memory.fileno(), b"changed", address)
    did(path)
    end(child)


def twin():
    with open("/proc/self/maps") as file:
        file.read()
    did("/proc/self/maps")


main(attack, twin)
