#!/usr/bin/python3
# Secrets are read out of another process's memory as out of a file.
#: title: Memory of another process read through /proc
#: technique: T1003.007
#: needs: file_open
#: rules: memory_read_through_proc
#: twin: what memory another process has is looked up
from lib import did, end, main, victim


def attack():
    child, address, size = victim()
    with open(f"/proc/{child}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        assert len(memory.read(size)) == size
    did(f"/proc/{child}/mem")
    end(child)


def twin():
    child, _, _ = victim()
    with open(f"/proc/{child}/maps") as maps:
        maps.read()
    did(f"/proc/{child}/maps")
    end(child)


main(attack, twin)
