#!/usr/bin/python3
# The ports of a host are tried one after the other, and hosts are looked for that have one open.
#: title: Network scan
#: technique: T1046
#: needs: connect
#: rules: ports_scanned, hosts_scanned
#: twin: a client tries a service that is down again and again
import socket

from lib import did, main

NETWORK = """ip link set lo up
ip address add 203.0.113.7/32 dev lo
ip route add local 198.51.100.0/24 dev lo"""


def reach(host, port):
    with socket.socket() as connection:
        connection.settimeout(1)
        connection.connect_ex((host, port))  # refused, all of them


def attack():
    for port in range(8000, 8060):
        reach("203.0.113.7", port)
    for host in range(1, 60):
        reach(f"198.51.100.{host}", 22)
    did("203.0.113.7:8000-8059", "198.51.100.1-59:22")


def twin():
    for _ in range(60):
        reach("203.0.113.7", 5432)
    did("203.0.113.7:5432")


main(attack, twin, NETWORK)
