"""One request at a time, over a bare socket: how a fault is measured without any of the code under test."""

import asyncio
import ssl
import time
from typing import Literal

import msgspec

Outcome = Literal["answered", "refused", "reset", "closed", "silent"]

REQUEST = b"GET /health HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"


class Probe(msgspec.Struct, frozen=True):
    """What became of one `GET /health`: how it ended, and after how many seconds."""

    outcome: Outcome
    seconds: float


async def probe(host: str, port: int, trust: ssl.SSLContext | None, patience: float) -> Probe:
    """Ask once and wait for the first byte of the answer, `patience` seconds at most. Never raises."""
    began = time.monotonic()
    try:
        outcome = await asyncio.wait_for(_ask(host, port, trust), patience)
    except TimeoutError:
        outcome = "silent"
    except ConnectionRefusedError:
        outcome = "refused"
    except OSError:
        outcome = "reset"
    return Probe(outcome, round(time.monotonic() - began, 4))


async def _ask(host: str, port: int, trust: ssl.SSLContext | None) -> Outcome:
    reader, writer = await asyncio.open_connection(host, port, ssl=trust)
    try:
        writer.write(REQUEST)
        return "answered" if await reader.read(1) else "closed"
    finally:
        writer.transport.abort()
