#!/usr/bin/python3
# The ports of a host are tried one after the other, and hosts are looked for that have one open.
#: title: Network scan
#: technique: T1046
#: needs: connect
#: rules: ports_scanned, hosts_scanned
#: twin: a client tries a service that is down again and again
import os
import socket
import subprocess
import sys

from lib import did, main

NETWORK = """ip link set lo up
ip address add 203.0.113.7/32 dev lo
ip route add local 198.51.100.0/24 dev lo
exec "$@" """


def reach(host, port):
    with socket.socket() as connection:
        connection.settimeout(1)
        connection.connect_ex((host, port))  # refused, all of them


def inside(part):
    """The same in a network of its own."""
    subprocess.run(["unshare", "--net", "sh", "-e", "-c", NETWORK, "-", *sys.orig_argv[:2], part], check=True)


def scan():
    for port in range(8000, 8060):
        reach("203.0.113.7", port)
    for host in range(1, 60):
        reach(f"198.51.100.{host}", 22)


def retry():
    for _ in range(60):
        reach("203.0.113.7", 5432)


def attack():
    inside("scan")
    did("203.0.113.7:8000-8059", "198.51.100.1-59:22")


def twin():
    inside("retry")
    did("203.0.113.7:5432")


if sys.argv[1] in ("scan", "retry"):
    {"scan": scan, "retry": retry}[sys.argv[1]]()
else:
    main(attack, twin)
