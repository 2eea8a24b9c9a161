"""A server of the ledger in the test's own loop, and clients that send JSON to it."""

import asyncio
import dataclasses
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import msgspec

from bodhisattva.servers.core.auth.keys import secret_key
from bodhisattva.servers.core.auth.tokens import mint
from bodhisattva.servers.core.config import Config, Limits, LogConfig, Timeouts, Tokens
from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.tests.ledger import LEDGER

SECRET = "0123456789abcdefghijklmnopqrstuv-test"
PATIENCE = 5.0
SECURED: dict[str, Any] = {"auth": "required", "tokens": Tokens(secret=SECRET)}
QUICK = Timeouts(auth=0.5, drain=2, drain_grace=0.1, reconnect_spread=0.1)


def config(**settings: Any) -> Config:
    """In memory, on a free port, with short timeouts and a high rate."""
    base = Config(port=0, log=LogConfig("memory"), timeouts=QUICK, limits=limits())
    return msgspec.structs.replace(base, **({"auth": "disabled"} | settings))


def limits(**settings: Any) -> Limits:
    """The defaults at a rate that no test reaches."""
    return Limits(**{"messages_per_second": 1e6} | settings)


class Client:
    """One WebSocket; what it reads is kept in order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._ids = count(1)

    async def read(self) -> dict[str, Any]:
        """The next message; a close is an AssertionError that names its code."""
        message = await asyncio.wait_for(self.socket.receive(), PATIENCE)
        assert message.type is aiohttp.WSMsgType.TEXT, f"closed {self.socket.close_code}: {message}"
        document: dict[str, Any] = json.loads(message.data)
        return document

    async def send(self, event: str, **data: Any) -> str:
        request_id = f"{id(self)}-{next(self._ids)}"
        await self.socket.send_json({"type": "request", "event": event, "id": request_id, "data": data})
        return request_id

    async def request(self, event: str, **data: Any) -> dict[str, Any]:
        """The answer, passing over events before it."""
        request_id = await self.send(event, **data)
        while (message := await self.read())["correlation_id"] != request_id:
            pass
        return message

    async def close_code(self) -> int | None:
        """The code with which the server ends the connection, passing over what comes before."""
        async with asyncio.timeout(PATIENCE):
            while (await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        return self.socket.close_code


class Running:
    """A started server and its clients; `config` may be replaced before a reload."""

    def __init__(self, service: Service, settings: Config) -> None:
        self.config = settings
        self.server = Server(service, lambda: self.config)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._clients: list[Client] = []

    @property
    def http(self) -> str:
        return self.server.url.replace("ws", "http", 1).removesuffix("/ws")

    def configure(self, **changed: Any) -> None:
        """Put other settings in force, those that need a restart too."""
        current = self.server.settings
        renewed = msgspec.structs.replace(current.config, **changed)
        current.replace(dataclasses.replace(current.value, config=renewed))

    async def connect(self, *, welcome: bool = True, token: str | None = None, **options: Any) -> Client:
        """A client that stays connected until it closes, or the test ends."""
        client = Client(await self._session.ws_connect(self.server.url, **options))
        self._clients.append(client)
        if token is not None:
            assert (await client.request("auth", token=token))["type"] == "response"
        if welcome:
            assert (await client.read())["event"] == "session.created"
        return client

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        async with self._session.get(self.http + path, **options) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def quiet(self) -> None:
        """Wait until the server holds no connection any more."""
        await until(lambda: not self.server.parts.connections, "connections are left")

    async def close(self) -> None:
        await asyncio.gather(*(client.socket.close() for client in self._clients))
        await self._session.close()
        await self.server.stop()


async def until(condition: Callable[[], object], otherwise: str, within: float = PATIENCE) -> None:
    """Wait for a condition, and fail with `otherwise` if it does not come."""
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, otherwise
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(service: Service = LEDGER, **settings: Any) -> AsyncIterator[Running]:
    one = Running(service, config(**settings))
    try:
        await one.server.prepare()
        await one.server.open()
        yield one
    finally:
        await one.close()


def token(*permissions: str, user_id: str = "ada", lifetime: float = 600) -> str:
    return mint(secret_key(SECRET), user_id, list(permissions), lifetime)


async def post(client: Client, amounts: range, **data: Any) -> None:
    """Post each amount to an account, `a` unless `data` names another, and see it answered."""
    for amount in amounts:
        answer = await client.request("post", **({"account": "a", "amount": amount} | data))
        assert answer["type"] == "response", answer


async def events(client: Client, number: int) -> list[dict[str, Any]]:
    """The next events of a channel, passing over answers."""
    found: list[dict[str, Any]] = []
    while len(found) < number:
        message = await client.read()
        found += [message] if message["type"] == "event" else []
    return found


def offsets(received: list[dict[str, Any]]) -> list[int]:
    return [event["offset"] for event in received]


def unreading_peer(port: int, tls: ssl.SSLContext | None = None) -> socket.socket:
    """A peer that has upgraded, subscribed to `account:a`, and from then on reads nothing. Blocking: use a thread."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer = tls.wrap_socket(plain, server_hostname="localhost") if tls is not None else plain
    peer.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    seen = b""
    while b"session.created" not in seen:
        seen += peer.recv(65536)
    payload = json.dumps({"type": "subscribe", "id": "s", "data": {"channel": "account:a"}}).encode()
    peer.sendall(b"\x81" + bytes([0x80 | len(payload)]) + b"\x00" * 4 + payload)
    while b"subscribed" not in seen:
        seen += peer.recv(65536)
    return peer
