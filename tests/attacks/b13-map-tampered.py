#!/usr/bin/python3
# Root writes to those of the sensor's maps that hold what must not change while it runs.
#: title: Constants in the sensor's maps changed
#: technique: T1562.001
#: needs: extension
#: expects: prevented
#: twin: the maps are looked at
import ctypes
import errno
import os
import struct

from lib import bpf, did, held_by_sensor, main

LOOKUP, UPDATE, GET_BY_ID = 1, 2, 14


def maps():
    return [held for held in held_by_sensor("map_id") if held.get("frozen") == "1" and held["key_size"] == "4"]


def key_and_value(held):
    return ctypes.create_string_buffer(4), ctypes.create_string_buffer(int(held["value_size"]))


def touch(held, command):
    descriptor, _ = bpf(GET_BY_ID, struct.pack("<I", int(held["map_id"])))
    key, value = key_and_value(held)
    try:
        bpf(command, struct.pack("<IIQQ", descriptor, 0, ctypes.addressof(key), ctypes.addressof(value)))
    finally:
        os.close(descriptor)


def attack():
    refused = []
    for held in maps():
        try:
            touch(held, UPDATE)
        except OSError as error:
            assert error.errno == errno.EPERM, error
            refused.append(f"map {held['map_id']}")
    assert refused, "the sensor has no frozen map"
    did(*refused, prevented=f"the kernel refuses writing to {len(refused)} frozen maps")


def twin():
    for held in held_by_sensor("map_id"):
        descriptor, _ = bpf(GET_BY_ID, struct.pack("<I", int(held["map_id"])))
        os.close(descriptor)
    did("the sensor's maps")


main(attack, twin)
