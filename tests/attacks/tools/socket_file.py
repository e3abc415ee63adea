"""Listens at a unix socket until it is ended, and answers nothing: it hangs up. It makes the file `listening` when it listens."""

import socket
import sys

with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1])
    server.listen()
    open("listening", "w").close()
    while True:
        server.accept()[0].close()
