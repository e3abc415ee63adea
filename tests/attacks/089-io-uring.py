#!/usr/bin/python3
# A file is opened through io_uring: no open(2) is ever called.
#: title: io_uring hides the opening of a file
#: technique: T1106
#: needs: io_uring
#: rules: files_through_io_uring
#: twin: the file is opened as everybody does it
import os
import subprocess

from lib import cannot, did, main


def attack():
    done = subprocess.run([os.environ["TOOLS"] + "/uring", "/etc/shadow"], capture_output=True, text=True)
    if done.returncode == 77:
        cannot(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    did("/etc/shadow")


def twin():
    with open("/etc/hostname") as file:
        file.read()
    did("/etc/hostname")


main(attack, twin)
