#!/usr/bin/env python3
"""The demo's application, which tells when it is about to act: `acts NANOSECONDS HOST`, by the clock that doesn't jump."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "demo"))
import app  # noqa: E402 (the path must be known first)

ping = app.Application.ping


def timed(self, host):
    print(f"acts {time.monotonic_ns()} {host}", flush=True)
    return ping(self, host)


app.Application.ping = timed
app.main()
