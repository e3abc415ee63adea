#!/usr/bin/python3
# Orders come in texts below one domain, asked for by names that are as short as any.
#: title: Orders in short names' texts
#: technique: T1071.004
#: needs: dns
#: rules: many_texts_asked_for
#: twin: texts are asked for as mail servers do
import os
import socket
import threading

from lib import did, dns_question, main

TXT = 16


def ask(names):
    """Asks a name server, of a network of our own, that says of each name that there is none."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def answer():
        for _ in names:
            message, who = server.recvfrom(512)
            server.sendto(message[:2] + b"\x81\x83" + message[4:], who)

    answers = threading.Thread(target=answer)
    answers.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for name in names:
            client.sendto(dns_question(name, TXT), ("127.0.0.1", 53))
            client.recv(512)
    answers.join()


def attack():
    ask([f"{os.urandom(6).hex()}.orders.example.net" for _ in range(40)])
    did("orders.example.net")


def twin():
    ask([f"_dmarc.sender{number}.example.net" for number in range(40)] + ["example.org", "example.com"])
    did("example.net")


main(attack, twin, "ip link set lo up")
