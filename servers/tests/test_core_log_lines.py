"""What a service logs can be read by a machine, names whom it concerns, and gives away nothing."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bodhisattva.fixtures.stack.ports import free_port
from bodhisattva.servers.core.auth.keys import secret_key
from bodhisattva.servers.core.auth.tokens import mint
from bodhisattva.servers.tests.running import SECRET, Client, running
from bodhisattva.servers.tests.test_cli import MODULE, environment

LONG = 20.0
Line = dict[str, Any]


class Service:
    """akosha in a process of its own; what it logs is in a file. files: how many it may open."""

    def __init__(self, folder: Path, files: str = "", **settings: str) -> None:
        self.port = free_port()
        self._log = folder / "log"
        own = {"tokens__secret": SECRET, "port": str(self.port), "timeouts__drain_grace": "0", **settings}
        limited = [] if not files else ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter
                [*limited, sys.executable, *MODULE, "serve", "akosha"], cwd=folder, env=environment(own), stderr=log
            )

    def text(self) -> str:
        return self._log.read_text()

    def lines(self) -> list[Line]:
        return [json.loads(line) for line in self.text().splitlines()]

    async def ready(self) -> None:
        async with asyncio.timeout(LONG):
            while '"listening"' not in self.text():  # noqa: ASYNC110 - a process of its own has it in its log
                await asyncio.sleep(0.02)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(LONG) == 0


@contextmanager
def serving(folder: Path, files: str = "", **settings: str) -> Iterator[Service]:
    service = Service(folder, files, **settings)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.wait()


async def busy(service: Service, token: str) -> None:
    """Requests of all kinds, good and bad, on several connections, one of which just goes away."""
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(f"ws://127.0.0.1:{service.port}/ws") for _ in range(4)]
        clients = [Client(socket) for socket in sockets]
        await clients[0].socket.send_str("no json")
        await clients[1].request("auth", token="eyJ.wrong.token")
        for client in clients[2:]:
            await client.request("auth", token=token)
            await client.request("subscribe", channel="metrics")
            await client.request("ingest", series="a", points=[{"value": 7070707.0}])
            await client.request("ingest", series=5)
            await client.request("get_series", series="nowhere")
            await client.request("nonsense\n" * 1000)
        await clients[2].socket.close()
        sockets[3]._writer.transport.abort()


async def test_every_line_of_a_busy_service_is_json_and_names_whom_it_concerns(tmp_path: Path) -> None:
    token = mint(secret_key(SECRET), "ada", ["akosha:write"], 60)
    with serving(tmp_path, logging__level="debug") as service:
        await service.ready()
        await busy(service, token)
        service.end()
        lines = service.lines()
        text = service.text()
    assert all(line["event"] and line["level"] and line["timestamp"].endswith("Z") for line in lines)
    answered = [line for line in lines if line["event"] == "request answered"]
    assert {"subscribe", "ingest", "get_series"} < {line["request"] for line in answered}
    assert {line["outcome"] for line in answered} == {"OK", "INVALID_DATA", "NOT_FOUND", "UNKNOWN_REQUEST"}
    assert all(line["user_id"] == "ada" and line["request_id"] and line["milliseconds"] >= 0 for line in answered)
    opened = [line["connection_id"] for line in lines if line["event"] == "connection opened"]
    closed = [line["connection_id"] for line in lines if line["event"] == "connection closed"]
    assert sorted(opened) == sorted(closed)
    assert len(set(opened)) == 4
    assert {line["connection_id"] for line in answered} == set(opened[2:])
    for secret in (SECRET, token, token.rpartition(".")[2], "eyJ", "7070707"):
        assert secret not in text, "a secret, or data, is in the log"
    assert max(map(len, text.splitlines())) < 1000


async def test_at_the_usual_level_requests_leave_no_line(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        await service.ready()
        await busy(service, mint(secret_key(SECRET), "ada", ["akosha:write"], 60))
        service.end()
        assert {line["event"] for line in service.lines()} == {"listening", "draining", "stopped"}


@pytest.mark.parametrize("request_name", ["break_down", "stray", "crash"])
async def test_what_cannot_be_handled_is_logged_with_connection_and_request(request_name: str) -> None:
    async with running() as one:
        client = await one.connect()
        with capture_logs() as lines:
            await client.socket.send_json({"type": "request", "event": request_name, "id": "r1", "data": {}})
            answer = await client.read()
        (line,) = [line for line in lines if line["log_level"] == "error"]
        (connection,) = one.server.parts.connections
        assert answer["error_code"] == "INTERNAL_ERROR"
        assert (line["connection_id"], line["request_id"]) == (connection.connection_id, "r1")
