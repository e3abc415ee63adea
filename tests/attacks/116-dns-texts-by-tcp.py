#!/usr/bin/python3
# Orders come in texts below one domain, all asked for over one connection: lengths and questions by calls of their own.
#: title: Orders in short names' texts, by TCP
#: technique: T1071.004
#: needs: dns
#: rules: many_texts_asked_for
#: twin: texts are asked for as mail servers do
import os
import random
import socket
import struct
import subprocess
import sys
import threading

from lib import did, main

TXT = 16


def question(name, kind):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", random.randrange(1 << 16), 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)


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
            message = question(name, TXT)
            client.sendall(struct.pack(">H", len(message)))
            client.sendall(message)
            receive(client)
    answers.join()


def inside(part):
    """The same in a network of its own."""
    subprocess.run(["unshare", "--net", "sh", "-e", "-c", 'ip link set lo up; exec "$@"', "-", *sys.orig_argv[:2], part], check=True)


def attack():
    inside("carry")
    did("orders.example.net")


def twin():
    inside("mail")
    did("example.net")


if sys.argv[1] == "carry":
    ask([f"{os.urandom(6).hex()}.orders.example.net" for _ in range(40)])
elif sys.argv[1] == "mail":
    ask([f"_dmarc.sender{number}.example.net" for number in range(40)] + ["example.org", "example.com"])
else:
    main(attack, twin)
