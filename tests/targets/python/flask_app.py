"""Flask: for gunicorn as `flask_app:app`, and on its own development server."""

import os
import subprocess
import time

from flask import Flask, request

DELAY = int(os.environ.get("DELAY_MS", "10")) / 1000

app = Flask(__name__)


@app.route("/exec", methods=["GET", "POST"])
def execute():
    nonce = request.args["nonce"]
    time.sleep(DELAY)
    done = subprocess.run(["sh", "-c", "id", nonce], capture_output=True, text=True)
    return f"{nonce}\n{done.stdout}"


@app.get("/harmless")
def harmless():
    time.sleep(DELAY)
    return request.args["nonce"] + "\n"


@app.get("/slow")
def slow():
    time.sleep(int(request.args["ms"]) / 1000)
    return request.args["nonce"] + "\n"


if __name__ == "__main__":
    from werkzeug.serving import WSGIRequestHandler

    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)
