"""The two loads: many clients with commands in flight, and one event stream to many receivers."""

import asyncio
import json
import time
from dataclasses import dataclass
from itertools import count

import aiohttp

from bodhisattva.servers.bench.subjects import MEASURABLE, Running

VALUE = "x" * 100
_ids = count(1)


@dataclass(frozen=True)
class Measure:
    """Of one load on one subject: units of work per second, and the server's processor seconds per unit.

    cpu: None if there was too little of it to be measured.
    """

    rate: float
    cpu: float | None


async def commands(server: Running, clients: int, each: int) -> Measure:
    """`clients` connections send `each` commands one after the other, as soon as the last one is answered."""
    async with _session() as session:
        sockets = [await _connect(session, server) for _ in range(clients)]
        started, before = time.perf_counter(), server.cpu()
        await asyncio.gather(*(_send(socket, server, each) for socket in sockets))
        return _measured(server, started, before, clients * each)


async def fan_out(server: Running, receivers: int, messages: int) -> Measure:
    """One connection makes `messages` events, each after the last one's answer; every receiver gets all of them."""
    async with _session() as session:
        listening = [await _connect(session, server) for _ in range(receivers)]
        for socket in listening:
            await _subscribe(socket, server)
        writer = await _connect(session, server)
        started, before = time.perf_counter(), server.cpu()
        await asyncio.gather(
            _send(writer, server, messages, to_all=True), *(_receive(socket, server, messages) for socket in listening)
        )
        return _measured(server, started, before, receivers * messages)


def _measured(server: Running, started: float, before: float, units: int) -> Measure:
    cpu = server.cpu() - before
    return Measure(units / (time.perf_counter() - started), cpu / units if cpu >= MEASURABLE else None)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))  # by default 100 connections, then it waits


async def _connect(session: aiohttp.ClientSession, server: Running) -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect(server.url, compress=0)
    if not server.bare:
        await socket.receive_str()  # the welcome
    return socket


async def _subscribe(socket: aiohttp.ClientWebSocketResponse, server: Running) -> None:
    await socket.send_str("join" if server.bare else _request("subscribe", {"channel": "state"}))
    await socket.receive_str()


async def _send(socket: aiohttp.ClientWebSocketResponse, server: Running, times: int, *, to_all: bool = False) -> None:
    """Send a command and read until its answer, again and again; nobody else writes on this connection."""
    path = f"bench.p{next(_ids)}"
    for _ in range(times):
        text = _request("set_state", {"state_path": path, "value": VALUE})
        await socket.send_str(f"+{text}" if server.bare and to_all else text)
        answer = await socket.receive_str()
        if not server.bare and json.loads(answer)["type"] != "response":
            raise RuntimeError(f"a command was refused: {answer}")


async def _receive(socket: aiohttp.ClientWebSocketResponse, server: Running, messages: int) -> None:
    """Read `messages` events; a service's must be numbered without a gap."""
    offsets = []
    for _ in range(messages):
        text = await socket.receive_str()
        if not server.bare:
            offsets.append(json.loads(text)["offset"])
    if offsets and offsets != list(range(offsets[0], offsets[0] + messages)):
        raise RuntimeError("events are missing, doubled or out of order")


def _request(event: str, data: dict[str, str]) -> str:
    return json.dumps({"type": "request", "event": event, "id": f"b{next(_ids)}", "data": data})
