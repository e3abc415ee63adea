#!/usr/bin/python3
# A file is opened by a symbolic link; at once the link leads elsewhere, and the caller's memory says another name: whoever looks
# at the one or the other afterwards is told a lie ("phantom attack", its second version).
#: title: Time of check, time of use: link and name are swapped after open
#: technique: T1562
#: needs: file_open
#: rules: shadow_read
#: twin: the other way round: what is opened is harmless, the link leads to the secret afterwards
import ctypes
import os

from lib import call, did, libc, main

SECRET, HARMLESS = "/etc/shadow", "/etc/hostname"


def swap(opened, shown):
    os.symlink(opened, "settings")
    os.symlink(shown, "settings.new")
    name = ctypes.create_string_buffer(b"settings", 64)
    libc.open.argtypes = [ctypes.c_char_p, ctypes.c_int]
    descriptor = call("open", name, os.O_RDONLY)
    name.value = os.fsencode(shown)
    os.rename("settings.new", "settings")
    assert os.read(descriptor, 1), "it is empty"
    assert os.readlink(f"/proc/self/fd/{descriptor}") == opened
    os.close(descriptor)
    did(opened, shown)


main(lambda: swap(SECRET, HARMLESS), lambda: swap(HARMLESS, SECRET))
