"""The other end of a connection, once: `peer.py PORT TEXT` says TEXT and reads to the end, `peer.py PORT -- COMMAND...` gives the
connection to a command as its standard input and output. It makes the file `listening` when it listens."""

import socket
import subprocess
import sys

port, rest = int(sys.argv[1]), sys.argv[2:]
with socket.create_server(("0.0.0.0", port)) as server:
    open("listening", "w").close()
    connection, _ = server.accept()
with connection:
    if rest[0] == "--":
        subprocess.run(rest[1:], stdin=connection, stdout=connection)
    else:
        connection.sendall(rest[0].encode())
        while connection.recv(4096):
            pass
