#!/usr/bin/python3
# A program reads the passwords' hashes.
#: title: /etc/shadow read by a program
#: technique: T1003.008
#: needs: file_open
#: rules: shadow_read
#: twin: a program reads the list of users
from lib import did, main


def read(path):
    with open(path) as file:
        file.read()
    did(path)


main(lambda: read("/etc/shadow"), lambda: read("/etc/passwd"))
