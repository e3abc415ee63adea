"""A web application with a hole, which serves one request after the other: it runs what it is asked to.

`/run?c=COMMAND` through a shell, `/exec?c=WORDS` without one, `/get?c=HOST:PORT` connects there,
`/read?c=PATH`, `/list?c=PATH` and `/write?c=PATH` do that. Loopback only.
"""

import os
import shlex
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit


class Application(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        wish = parse_qs(url.query).get("c", [""])[0]
        status = 200
        if url.path == "/run":
            subprocess.run(wish, shell=True, stdout=subprocess.DEVNULL, timeout=10)
        elif url.path == "/exec":
            subprocess.run(shlex.split(wish), stdout=subprocess.DEVNULL, timeout=10)
        elif url.path == "/get":
            host, port = wish.split(":")
            try:
                socket.create_connection((host, int(port)), timeout=5).close()
            except OSError:
                pass  # that it tried is enough
        elif url.path == "/read":
            try:
                with open(wish) as file:
                    file.read()
            except PermissionError:
                status = 403
        elif url.path == "/list":
            os.listdir(wish)
        elif url.path == "/write":
            with open(wish, "w") as file:
                file.write("<?php")
        self.send_response(status)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Application)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
