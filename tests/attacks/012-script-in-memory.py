#!/usr/bin/python3
# A script that lies in memory only is run by a shell.
#: title: Script run from memory
#: technique: T1620
#: needs: exec
#: rules: script_read_through_descriptor
#: twin: a shell reads what another substitutes
import os
import subprocess

from lib import did, main


def attack():
    script = os.memfd_create("x", 0)
    os.write(script, b"#!/bin/sh\necho hello\n")
    subprocess.run(["sh", f"/proc/self/fd/{script}"], pass_fds=[script], check=True)
    did("memfd:x")


def twin():
    subprocess.run(["bash", "-c", "bash <(echo echo hello)"], check=True)
    did("/dev/fd/63")


main(attack, twin)
