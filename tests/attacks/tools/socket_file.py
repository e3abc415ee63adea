"""Listens at a unix socket until it is ended, and hangs up on whoever has said something. It makes the file `listening` when it listens."""

import socket
import sys

with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1])
    server.listen()
    open("listening", "w").close()
    while True:
        with server.accept()[0] as connection:
            connection.recv(4096)
