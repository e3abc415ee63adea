#!/usr/bin/python3
# The runtime's binary is opened for writing through the /proc/PID/exe of a process that runs it (CVE-2019-5736); here a copy.
#: title: Runtime's binary overwritten through /proc/PID/exe
#: technique: T1611
#: needs: file_modify
#: rules: runtime_overwritten
#: twin: a program asks what it is
import os
import shutil
import subprocess

from lib import did, main


def attack():
    shutil.copy("/bin/sleep", "runc")
    runtime = subprocess.Popen(["./runc", "30"])
    # A descriptor now; it can be written to when the process has ended.
    descriptor = os.open(f"/proc/{runtime.pid}/exe", os.O_PATH)
    runtime.kill()
    runtime.wait()
    with open(f"/proc/self/fd/{descriptor}", "r+b") as binary:
        binary.write(b"#!/bin/sh\n")
    did(os.path.abspath("runc"))


def twin():
    did(os.readlink("/proc/self/exe"))


main(attack, twin)
