#!/usr/bin/python3
# A program speaks a protocol of its own over the port that firewalls leave open for name servers.
#: title: No DNS on the port of name servers
#: technique: T1571
#: needs: dns
#: rules: no_dns_on_port_of_name_servers
#: twin: the same goes to another port
import os
import socket

from lib import did, main


def speak(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"\x17\xfe\xfd" + os.urandom(200), ("127.0.0.1", port))
    did(f"127.0.0.1:{port}")


main(lambda: speak(53), lambda: speak(5300))
