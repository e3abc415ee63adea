#!/usr/bin/python3
# A process listens on every packet by a filter of its own, as a backdoor does that opens no port.
#: title: Socket filter attached to a packet socket
#: technique: T1205.002
#: needs: socket_change
#: rules: filter_on_raw_socket
#: twin: a program receives datagrams on its port
import ctypes
import socket
import struct

from lib import did, main

ATTACH_FILTER = 26


def attack():
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))  # return 0: takes nothing
    program = struct.pack("@HP", 1, ctypes.addressof(code))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as packets:
        packets.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)
    did("packet socket")


def twin():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        datagrams.bind(("127.0.0.1", 0))
        datagrams.sendto(b"x", datagrams.getsockname())
        datagrams.recv(1)
    did("udp socket")


main(attack, twin)
