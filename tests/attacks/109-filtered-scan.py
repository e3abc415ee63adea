#!/usr/bin/python3
# Ports and hosts behind a filter, which answers nothing, are tried, and each is given up soon.
#: title: Network scan that nobody answers
#: technique: T1046
#: needs: connect
#: rules: ports_scanned, hosts_scanned
#: twin: a client gives a service up that does not answer, again and again
import os
import socket

from lib import did, main

# What goes to these networks comes back by the loopback device, is for nobody here, and is dropped.
NETWORK = """ip link set lo up
ip address add 192.0.2.7/32 dev lo
ip route add 203.0.113.0/24 dev lo
ip route add 198.51.100.0/24 dev lo"""


def ask(host, port):
    connection = socket.socket()
    connection.setblocking(False)
    try:
        connection.connect((host, port))
    except BlockingIOError:
        return connection
    raise SystemExit(f"{host}:{port} was not to answer")


def attack():
    asked = [ask("203.0.113.7", port) for port in range(8000, 8060)]
    asked += [ask(f"198.51.100.{host}", 22) for host in range(1, 60)]
    for connection in asked[:40]:
        connection.close()
    did("203.0.113.7:8000-8059", "198.51.100.1-59:22")
    os._exit(0)  # the kernel closes the others


def twin():
    for _ in range(60):
        ask("203.0.113.7", 5432).close()
    did("203.0.113.7:5432")


main(attack, twin, NETWORK)
