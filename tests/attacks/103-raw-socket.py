#!/usr/bin/python3
# A process receives every packet of an interface.
#: title: Packet capture by a raw socket
#: technique: T1040
#: needs: socket_change
#: rules: raw_socket_made
#: twin: a process receives on its own port
import socket

from lib import did, main


def attack():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as packets:
        packets.bind(("lo", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"x", ("127.0.0.1", 9))
        packets.recv(64)
    did("packets of lo")


def twin():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    did("tcp port")


main(attack, twin)
