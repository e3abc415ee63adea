#!/usr/bin/python3
# Orders come in texts below one domain, all asked for over one connection: lengths and questions by calls of their own.
#: title: Orders in short names' texts, by TCP
#: technique: T1071.004
#: needs: dns
#: rules: many_texts_asked_for
#: twin: texts are asked for as mail servers do
import os
import socket
import struct
import threading

from lib import did, dns_question, main

TXT = 16


def receive(connection):
    """A message, as resolvers read it: its length, then the rest."""
    (length,) = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))
    return connection.recv(length, socket.MSG_WAITALL)


def ask(names):
    """Asks a name server, of a network of our own, that says of each name that there is none."""
    server = socket.create_server(("127.0.0.1", 53))

    def answer():
        with server.accept()[0] as connection:
            for _ in names:
                message = receive(connection)
                connection.sendall(struct.pack(">H", len(message)) + message[:2] + b"\x81\x83" + message[4:])

    answers = threading.Thread(target=answer)
    answers.start()
    with socket.create_connection(("127.0.0.1", 53)) as client:
        for name in names:
            message = dns_question(name, TXT)
            client.sendall(struct.pack(">H", len(message)))
            client.sendall(message)
            receive(client)
    answers.join()


def attack():
    ask([f"{os.urandom(6).hex()}.orders.example.net" for _ in range(40)])
    did("orders.example.net")


def twin():
    ask([f"_dmarc.sender{number}.example.net" for number in range(40)] + ["example.org", "example.com"])
    did("example.net")


main(attack, twin, "ip link set lo up")
