#!/usr/bin/python3
# A file is opened through io_uring: no open(2) is ever called.
#: title: io_uring hides the opening of a file
#: technique: T1106
#: needs: io_uring
#: rules: files_through_io_uring
#: unless: doctor
#: twin: the file is opened as everybody does it
import os
import subprocess

from lib import cannot, did, main


def attack():
    done = subprocess.run([os.environ["TOOLS"] + "/uring", "/etc/shadow"], capture_output=True, text=True)
    if done.returncode == 77:
        cannot(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    did("/etc/shadow", **doctor())


def doctor():
    """What doctor says of it, where the kernel has no hook for it."""
    command = '. "$DRIVERS/lib.sh"; doctor_says "what is submitted to io_uring"'
    told = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, text=True).stdout.strip()
    return {"doctor": told} if told else {}


def twin():
    with open("/etc/hostname") as file:
        file.read()
    did("/etc/hostname")


main(attack, twin)
