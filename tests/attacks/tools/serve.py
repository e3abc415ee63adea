"""A service on several ports: `serve.py FILE PORT...` answers every request with nothing. It makes the file when it listens."""

import http.server
import sys
import threading


class Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


for port in sys.argv[2:]:
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(port)), Nothing)
    threading.Thread(target=server.serve_forever).start()
open(sys.argv[1], "w").close()
