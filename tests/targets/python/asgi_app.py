"""Starlette for uvicorn: `plain` has `def` endpoints (a pool of threads), `app` has `async def` ones."""

import asyncio
import os
import subprocess
import time

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

DELAY = int(os.environ.get("DELAY_MS", "10")) / 1000


def plain_execute(request):
    nonce = request.query_params["nonce"]
    time.sleep(DELAY)
    done = subprocess.run(["sh", "-c", "id", nonce], capture_output=True, text=True)
    return PlainTextResponse(f"{nonce}\n{done.stdout}")


def plain_harmless(request):
    time.sleep(DELAY)
    return PlainTextResponse(request.query_params["nonce"] + "\n")


async def execute(request):
    nonce = request.query_params["nonce"]
    await asyncio.sleep(DELAY)
    process = await asyncio.create_subprocess_exec("sh", "-c", "id", nonce, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    return PlainTextResponse(f"{nonce}\n{out.decode()}")


async def harmless(request):
    await asyncio.sleep(DELAY)
    return PlainTextResponse(request.query_params["nonce"] + "\n")


METHODS = ["GET", "POST"]
plain = Starlette(routes=[Route("/exec", plain_execute, methods=METHODS), Route("/harmless", plain_harmless)])
app = Starlette(routes=[Route("/exec", execute, methods=METHODS), Route("/harmless", harmless)])
