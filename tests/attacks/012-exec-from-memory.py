#!/usr/bin/python3
# A program that lies in no file system, only in memory, is executed.
#: title: Fileless execution by memfd_create
#: technique: T1620
#: needs: exec
#: rules: exec_from_memory
#: twin: a program is executed by a descriptor of its file
import os

from lib import did, main


def execute(descriptor):
    child = os.fork()
    if child == 0:
        os.execve(descriptor, ["program"], {})
    assert os.waitpid(child, 0)[1] == 0, "the program did not run"


def attack():
    memory = os.memfd_create("x", os.MFD_CLOEXEC)
    with open("/bin/true", "rb") as file:
        os.write(memory, file.read())
    execute(memory)
    did("memfd:x")


def twin():
    execute(os.open("/bin/true", os.O_RDONLY | os.O_CLOEXEC))
    did("/bin/true")


main(attack, twin)
