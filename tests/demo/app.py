#!/usr/bin/env python3
"""A small web application with a hole in it: what it is told to look up, it hands to a shell.

Nothing here knows of Guardbee: no library, no header, no log is read. Python's standard library is all it needs.
Listens on loopback only. Never run it anywhere else.
"""

import argparse
import html
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = """<!doctype html>
<title>Is it there?</title>
<h1>Is it there?</h1>
<form action="/ping"><input name="host" value="localhost"> <button>Ask</button></form>
<pre>{}</pre>
"""


class Application(BaseHTTPRequestHandler):
    """One thread serves one connection, one request after the other."""

    protocol_version = "HTTP/1.1"  # connections stay open between requests, as browsers like it

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/":
            self.answer(200, "")
        elif url.path == "/ping":
            host = parse_qs(url.query).get("host", ["localhost"])[0]
            self.answer(200, self.ping(host))
        else:
            self.answer(404, "There is no such page.")

    def ping(self, host):
        command = f"getent hosts {host}"  # the hole: `host` is the visitor's, and may be `x; id`
        print(f"runs: sh -c '{command}'", flush=True)
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=10)
        return done.stdout + done.stderr or "not known"

    def answer(self, status, text):
        body = PAGE.format(html.escape(text)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *args):
        print(f"{self.client_address[0]}:{self.client_address[1]} {form % args}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description="A web application with a command-injection hole.")
    arguments.add_argument("--port", type=int, default=8088)
    port = arguments.parse_args().port
    server = ThreadingHTTPServer(("127.0.0.1", port), Application)
    print(f"listening on http://127.0.0.1:{port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
