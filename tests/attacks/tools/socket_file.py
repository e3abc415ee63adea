"""Listens at a unix socket until it is ended, and answers nothing: it hangs up."""

import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1] + ".new")
    server.listen()
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    while True:
        server.accept()[0].close()
