#!/usr/bin/python3
# A copy of a program is made a set-user-id one: whoever runs it later is root.
#: title: Set-user-id bit set
#: technique: T1548.001
#: needs: file_attribute
#: rules: setuid_bit_set
#: twin: a script is made executable
import os
import shutil

from lib import did, main


def attack():
    shutil.copy("/bin/true", "helper")
    os.chmod("helper", 0o4755)
    did(os.path.abspath("helper"))


def twin():
    with open("script", "w") as file:
        file.write("#!/bin/sh\n")
    os.chmod("script", 0o755)
    did(os.path.abspath("script"))


main(attack, twin)
