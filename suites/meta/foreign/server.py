"""A small right server of the shared protocol on the websockets library: notes that are added, edited and read.

It shares no code with the project's services, and claims nothing but `auth`. `python server.py PORT SECRET_FILE`.
"""

import asyncio
import json
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from notes import Notes, well_known
from rules import LIMITS, Bucket, Refused, Token, read, verified
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets_text import TextProtocol

WARNING, AUTH_TIME, PING_EVERY, PING_ANSWER, TICK = 60, 5, 20, 20, 0.2
SMALL, SMALL_AT_MOST = 64, 1024
EVENTS_THAT_ARE_REQUESTS = ("subscribe", "unsubscribe")


class Connection:
    """One client, from its upgrade to its end."""

    def __init__(self, notes: Notes, writer: asyncio.StreamWriter, token: Token | None) -> None:
        self.notes = notes
        self.writer = writer
        self.protocol = TextProtocol(max_size=LIMITS["message_bytes"])
        self.token = token
        self.authenticated_in_upgrade = token is not None
        self.opened = self.heard = self.taken = time.monotonic()
        self.pinged: float | None = None
        self.warned = False
        self.ending = False
        self.bucket = Bucket()
        self.fragments: list[bytes] = []
        self.small = 0

    def upgrade(self, head: bytes) -> bool:
        """Answer the upgrade; whether there is a WebSocket now."""
        self.protocol.receive_data(head)
        events = self.protocol.events_received()
        if not events or not isinstance(events[0], Request):
            return False
        response = self.protocol.accept(events[0])
        self.protocol.send_response(response)
        self.flush()
        return bool(response.status_code == HTTPStatus.SWITCHING_PROTOCOLS)

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.writer.write(data)

    def write(self, envelope: dict[str, Any]) -> None:
        if not self.ending:
            self.writer.write(Frame(Opcode.TEXT, json.dumps(envelope).encode()).serialize(mask=False))

    def close(self, code: int, reason: str = "") -> None:
        """Leave every channel, then say goodbye; the client's own close is waited for by the watch."""
        self.notes.leave(self)
        if not self.ending and self.protocol.state is State.OPEN:
            self.protocol.send_close(code, reason)
            self.flush()
        self.ending = True
        self.heard = time.monotonic()

    def refuse(self, request: dict[str, Any] | None, refusal: Refused) -> None:
        self.write(self.notes.error(request, refusal))

    def welcome(self) -> None:
        data = {
            "connection_id": str(self.protocol.id),
            "server": "notes",
            "message": "Welcome",
            "authenticated": True,
            "secure": False,
            "tls_mode": "WS",
            "rate_limit": {"messages_per_second": LIMITS["messages_per_second"], "burst": LIMITS["burst"]},
            "features": ["auth"],
        }
        self.write(self.notes.event("session.created", data))

    def received(self, data: bytes) -> None:
        """Handle what came, in its order; what breaks a rule ends the connection after what came before it."""
        self.heard, self.pinged = time.monotonic(), None
        self.protocol.receive_data(data)
        for frame in self.protocol.events_received():
            if isinstance(frame, Frame) and not self.ending:
                self.frame(frame)
        self.flush()
        if self.protocol.state is not State.OPEN and not self.ending:
            self.notes.leave(self)
            self.ending = True

    def frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            return self.close(1003, "Text frames only")
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return None
        self.fragments.append(bytes(frame.data))
        self.small += len(frame.data) < SMALL and not frame.fin
        if self.small > SMALL_AT_MOST:
            return self.close(1008, "Too many small fragments")
        if frame.fin:
            text, self.fragments, self.small = b"".join(self.fragments).decode(), [], 0
            self.message(text)
        return None

    def message(self, text: str) -> None:
        if self.token is None:
            return self.first(text)
        if time.time() >= self.token.end:
            return self.expire()
        try:
            request = read(text)
        except ValueError:
            request = None
        wait = self.bucket.take()
        if wait:
            if self.bucket.patience_is_over():
                self.close(1008, "Rate limit exceeded")
            return self.refuse(request, Refused("RATE_LIMIT_EXCEEDED", "Too many messages.", retry_after=wait))
        if request is None:
            return self.refuse(None, Refused("DECODE_ERROR", "This is no envelope."))
        try:
            self.handle(request)
        except Refused as refusal:
            self.refuse(request, refusal)
        return None

    def first(self, text: str) -> None:
        """The request auth, or the end."""
        try:
            request = read(text) if len(text.encode()) <= LIMITS["unauthenticated_message_bytes"] else None
        except ValueError:
            request = None
        if request is None or (request["type"], request.get("event")) != ("request", "auth"):
            return self.turn_away(request)
        try:
            self.token = verified((request.get("data") or {}).get("token"), self.notes.secret)
        except Refused as refusal:
            self.refuse(request, refusal)
            return self.close(1008, "Authentication failed")
        self.write(self.notes.answer(request, self.token.as_dict("authenticated")))
        return self.welcome()

    def turn_away(self, request: dict[str, Any] | None) -> None:
        self.refuse(request, Refused("AUTH_REQUIRED", "Authenticate first."))
        self.close(1008, "Authentication required")

    def expire(self) -> None:
        self.refuse(None, Refused("TOKEN_EXPIRED", "The token has ended."))
        self.close(1008, "Token expired")

    def handle(self, request: dict[str, Any]) -> None:
        kind, name, data = request["type"], request.get("event"), request.get("data") or {}
        if kind == "ack":
            return
        if kind == "ping" or (kind, name) == ("request", "ping"):
            self.write(self.notes.answer({**request, "event": name or "ping"}, {}, "pong"))
            return
        if kind in EVENTS_THAT_ARE_REQUESTS:
            name = kind
        elif kind != "request" and not (kind == "event" and name in EVENTS_THAT_ARE_REQUESTS):
            raise Refused("INVALID_MESSAGE", "This type of message is not for servers.")
        self.request({**request, "event": name}, str(name), data)

    def request(self, request: dict[str, Any], name: str, data: dict[str, Any]) -> None:
        if name in ("auth", "refresh_token"):
            self.write(self.notes.answer(request, self.renewed(name, data)))
            for channel in self.notes.forbidden(self):
                self.notes.unsubscribe(self, channel)
                self.write(self.notes.event("subscription.revoked", {"channel": channel}))
            return
        assert self.token is not None
        if name in EVENTS_THAT_ARE_REQUESTS:
            answer = self.notes.membership(self, name, data.get("channel", data.get("room")))
            self.write(self.notes.answer(request, answer))
            return
        self.notes.check_allowed(self.token, name)
        answer, events = self.notes.do(name, data)
        self.write(self.notes.answer(request, answer))
        for event in events:
            self.notes.deliver(event)

    def renewed(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        assert self.token is not None
        token = verified(data.get("token"), self.notes.secret)
        if token.user != self.token.user:
            raise Refused("AUTH_FAILED", "This is another user's token.")
        self.token, self.warned = token, False
        return token.as_dict("authenticated" if name == "auth" else "refreshed")

    def look(self) -> bool:
        """What only the clock shows; whether the connection goes on."""
        now = time.monotonic()
        waiting = self.writer.transport.get_write_buffer_size()
        if not waiting:
            self.taken = now
        if self.ending:
            return (waiting > 0 and now - self.heard < LIMITS["queue_age"]) or now - self.heard < 2
        if waiting > LIMITS["queue_bytes"] or now - self.taken > LIMITS["queue_age"]:
            self.close(4008, "Slow consumer")
            return False
        if self.token is None:
            if now - self.opened >= AUTH_TIME:
                self.turn_away(None)
            return True
        self.look_at_token(self.token)
        return self.look_at_silence(now)

    def look_at_token(self, token: Token) -> None:
        left = token.end - time.time()
        if left <= 0:
            self.expire()
        elif left <= WARNING and not self.warned:
            self.warned = True
            self.write(self.notes.event("auth.expiring", {"expires_in": left}))

    def look_at_silence(self, now: float) -> bool:
        if self.pinged is None and now - max(self.heard, self.opened) >= PING_EVERY and not self.ending:
            self.pinged = now
            self.protocol.send_ping(b"notes")
            self.flush()
        return self.pinged is None or now - max(self.pinged, self.taken) < PING_ANSWER


async def serve_client(notes: Notes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(LIMITS["handshake_timeout"]):
            head = await reader.readuntil(b"\r\n\r\n")
        status, body, token = answered(head, notes.secret)
        if status is None:
            await talk(notes, Connection(notes, writer, token), head, reader)
        else:
            writer.write(http(status, body))
            await writer.drain()
    except (TimeoutError, EOFError, OSError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.transport.abort() if writer.transport.is_closing() else writer.close()


def http(status: HTTPStatus, body: bytes) -> bytes:
    upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" if status == HTTPStatus.UPGRADE_REQUIRED else ""
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{upgrade}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def answered(head: bytes, secret: str) -> tuple[HTTPStatus | None, bytes, Token | None]:
    """The answer to an HTTP request; None where it is an upgrade that may go on, with its token if it has one."""
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    headers = dict(fields)
    words = first.split(" ")
    if len(words) != 3 or words[2] != "HTTP/1.1":
        return HTTPStatus.BAD_REQUEST, b"", None
    pages = {"/health": b'{"status": "alive"}', "/ready": b'{"status": "ready"}', WELL_KNOWN: well_known()}
    path = words[1].partition("?")[0]
    if words[0] != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED, b"", None
    if path in pages:
        return HTTPStatus.OK, pages[path], None
    if path not in ("/", "/ws"):
        return HTTPStatus.NOT_FOUND, b"", None
    if headers.get("sec-websocket-version") != "13":
        return HTTPStatus.UPGRADE_REQUIRED, b"", None
    origins = [value for name, value in fields if name == "origin"]
    if origins and [each.lower() for each in origins] != [f"http://{headers.get('host', '')}".lower()]:
        return HTTPStatus.FORBIDDEN, b"", None
    if "authorization" not in headers:
        return None, b"", None
    try:
        return None, b"", verified(headers["authorization"].removeprefix("Bearer").strip(), secret)
    except Refused:
        return HTTPStatus.UNAUTHORIZED, b"", None


WELL_KNOWN = "/.well-known/bodhisattva.json"


async def talk(notes: Notes, connection: Connection, head: bytes, reader: asyncio.StreamReader) -> None:
    if not connection.upgrade(head):
        return None
    if len(notes.connections) >= LIMITS["connections"]:
        return connection.close(1013, "Try again later")
    notes.connections.add(connection)
    watch = asyncio.create_task(watched(connection))
    try:
        if connection.authenticated_in_upgrade:
            connection.welcome()
        while data := await reader.read(1 << 16):
            connection.received(data)
            if connection.protocol.close_expected() and connection.protocol.state is State.CLOSED:
                break
            await connection.writer.drain()
    finally:
        watch.cancel()
        notes.leave(connection)
        notes.connections.discard(connection)


async def watched(connection: Connection) -> None:
    """The clock of a connection: it ends, is pinged, and warned, without a message."""
    while connection.look():  # noqa: ASYNC110 - the clock is what is waited for
        await asyncio.sleep(TICK)
    connection.notes.leave(connection)
    connection.writer.transport.abort()


async def main(port: int, secret: str) -> None:
    notes = Notes(secret)
    server = await asyncio.start_server(lambda r, w: serve_client(notes, r, w), "127.0.0.1", port, limit=1 << 16)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8").strip()))
