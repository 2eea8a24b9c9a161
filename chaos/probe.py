"""One request at a time, over a bare socket: how a fault is measured without any of the code under test."""

import asyncio
import ssl
import time
from typing import Literal

import msgspec

from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.stack.redis import Redis

Outcome = Literal["answered", "refused", "reset", "closed", "silent"]

PING = b"PING\r\n"
REQUEST = b"GET /health HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"


class Probe(msgspec.Struct, frozen=True):
    """What became of one request: how it ended, and after how many seconds."""

    outcome: Outcome
    seconds: float


async def probe_node(node: Node, patience: float) -> Probe:
    """`probe` a service, or a Redis, at its own address."""
    return await probe(node.host, node.port, node.trust, patience, PING if isinstance(node, Redis) else REQUEST)


async def probe(host: str, port: int, trust: ssl.SSLContext | None, patience: float, request: bytes = REQUEST) -> Probe:
    """Ask once and wait for the first byte of the answer, `patience` seconds at most. Never raises."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(patience):
            outcome = await _ask(host, port, trust, request)
    except TimeoutError:
        outcome = "silent"
    except ConnectionRefusedError:
        outcome = "refused"
    except OSError:
        outcome = "reset"
    return Probe(outcome, round(time.monotonic() - began, 4))


async def _ask(host: str, port: int, trust: ssl.SSLContext | None, request: bytes) -> Outcome:
    reader, writer = await asyncio.open_connection(host, port, ssl=trust)
    try:
        writer.write(request)
        return "answered" if await reader.read(1) else "closed"
    finally:
        writer.transport.abort()
