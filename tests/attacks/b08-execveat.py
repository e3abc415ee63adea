#!/usr/bin/python3
# A program is executed by a descriptor, and no path is ever given.
#: title: execveat with an empty path
#: technique: T1106
#: needs: exec
#: rules: program_ran_from_scratch_folder
#: twin: a program of the system is executed so
import os
import shutil

from lib import call, did, libc, main
import ctypes

AT_EMPTY_PATH = 0x1000


def execute(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        words = (ctypes.c_char_p * 2)(b"program", None)
        call("execveat", descriptor, b"", words, (ctypes.c_char_p * 1)(None), AT_EMPTY_PATH)
    assert os.waitpid(child, 0)[1] == 0, "the program did not run"


def attack():
    path = f"/dev/shm/guardbee-attack.{os.getpid()}"
    shutil.copy("/bin/true", path)
    try:
        execute(path)
    finally:
        os.unlink(path)
    did(path)


def twin():
    execute("/bin/true")
    did("/bin/true")


main(attack, twin)
