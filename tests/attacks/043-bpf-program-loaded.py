#!/usr/bin/python3
# A program that nobody expects loads eBPF into the kernel.
#: title: eBPF program loaded by an unexpected process
#: technique: T1014
#: needs: extension
#: rules: bpf_program_loaded
#: twin: the loaded programs are counted
import contextlib
import ctypes
import os
import resource
import struct

from lib import bpf, did, main

PROG_LOAD, PROG_GET_NEXT_ID = 5, 11
SOCKET_FILTER = 1


def attack():
    # Kernels before 5.11 charge programs to this limit, and the sensor's are charged to the same user.
    with contextlib.suppress(ValueError):  # who may not raise it has a newer one
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    # r0 = 0; exit
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("<IIQQ", SOCKET_FILTER, 2, ctypes.addressof(code), ctypes.addressof(licence))
    program, _ = bpf(PROG_LOAD, attributes)
    did(f"bpf program {program}")
    os.close(program)


def twin():
    count, last = 0, 0
    while True:
        try:
            _, memory = bpf(PROG_GET_NEXT_ID, struct.pack("<II", last, 0))
        except OSError:
            break  # no more
        last = struct.unpack_from("<II", memory)[1]
        count += 1
    did(f"{count} bpf programs")


main(attack, twin)
