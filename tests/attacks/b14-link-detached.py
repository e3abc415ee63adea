#!/usr/bin/python3
# Root detaches the sensor's programs from what they are attached to.
#: title: Links of the sensor detached
#: technique: T1562.001
#: needs: extension
#: expects: prevented
#: twin: the links are looked at
import os
import struct

from lib import bpf, did, held_by_sensor, main

GET_BY_ID, DETACH = 30, 34


def links():
    return {int(held["link_id"]) for held in held_by_sensor("link_id")}


def attack():
    refused = []
    for link in links():
        descriptor, _ = bpf(GET_BY_ID, struct.pack("<I", link))
        try:
            bpf(DETACH, struct.pack("<I", descriptor))
        except OSError:
            refused.append(f"link {link}")
        finally:
            os.close(descriptor)
    assert refused, "the sensor holds no link"
    assert len(refused) == len(links()), "some could be detached"
    did(*refused, prevented=f"the kernel detaches none of {len(refused)} links but when their descriptors are closed")


def twin():
    for link in links():
        os.close(bpf(GET_BY_ID, struct.pack("<I", link))[0])
    did("the sensor's links")


main(attack, twin)
