#!/usr/bin/python3
# In a container with CAP_DAC_READ_SEARCH a file of the host's is opened by its handle: whoever may do that reads any file of a file
# system of which he sees as much as one file ("Shocker").
#: title: open_by_handle_at
#: technique: T1611
#: needs: control
#: rules: file_opened_by_handle_in_container
#: twin: a file is opened by its handle outside of containers, as file servers do
import ctypes
import os
import struct
import subprocess
import sys

from lib import call, did, main


def inside():
    """The host's file is bound into the container; by its handle it is opened anew, past everything above it."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    mount = ctypes.c_int()
    call("name_to_handle_at", -100, b"/etc/hostname", handle, ctypes.byref(mount), 0)
    bound = os.open("/etc/hostname", os.O_RDONLY)
    os.close(call("open_by_handle_at", bound, handle, os.O_RDONLY))


def attack():
    container = [os.environ["TOOLS"] + "/container", "-p", "-b", "/etc/hostname:/etc/hostname"]
    subprocess.run([*container, sys.executable, os.path.abspath(sys.argv[0]), "inside"], check=True)
    did("/etc/hostname")


def twin():
    inside()
    did("/etc/hostname")


if sys.argv[1] == "inside":
    inside()
else:
    main(attack, twin)
