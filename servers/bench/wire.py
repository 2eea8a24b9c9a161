"""A client's end of a WebSocket (RFC 6455), blocking and bare, so that the load costs as little as it can."""

import base64
import os
import socket
import ssl
import struct
from typing import NamedTuple

HOST = "127.0.0.1"
PATIENCE = 60.0
CHUNK = 120_000  # bytes taken at once; more would have the allocator map and unmap memory at each receive
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_ROOM = 4 * 1024 * 1024  # asked of the kernel for what is unread, so that a burst never makes the server wait
_MASK = b"\x37\xfa\x21\x3d"
_MEDIUM, _LONG = 126, 127


class Lost(Exception):
    """Something that was due did not arrive, or not as it should: there are no figures then."""


class Place(NamedTuple):
    """Where a frame lies in a buffer."""

    opcode: int
    payload: int
    end: int


def place(buffer: bytes | bytearray, start: int) -> Place | None:
    """The server's frame that begins at `start`, None while it is not whole."""
    if len(buffer) < start + 2:
        return None
    length, payload = buffer[start + 1] & 0x7F, start + 2
    if length >= _MEDIUM:
        form = "!H" if length == _MEDIUM else "!Q"
        payload += struct.calcsize(form)
        if len(buffer) < payload:
            return None
        (length,) = struct.unpack_from(form, buffer, start + 2)
    end = payload + length
    return Place(buffer[start] & 0xF, payload, end) if len(buffer) >= end else None


def masked(text: bytes, opcode: int = TEXT) -> bytes:
    """A client's frame; the mask is always the same, which costs a server no less."""
    size = len(text)
    first = bytes([0x80 | opcode])
    if size < _MEDIUM:
        head = first + bytes([0x80 | size])
    elif size < 1 << 16:
        head = first + struct.pack("!BH", 0x80 | _MEDIUM, size)
    else:
        head = first + struct.pack("!BQ", 0x80 | _LONG, size)
    key = (_MASK * (size // 4 + 1))[:size]
    return head + _MASK + (int.from_bytes(text, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class Line:
    """One connection, with the upgrade asked for; what comes first is the answer to that. context: for TLS."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        plain.settimeout(PATIENCE)
        plain.connect((HOST, port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=HOST) if context else plain
        self._buffer = bytearray()
        self._at = 0
        self._ask()

    def send(self, *texts: bytes) -> None:
        """All of them in one write."""
        self.socket.sendall(b"".join(map(masked, texts)))

    def receive(self) -> bytes:
        """The next text; pings are answered on the way."""
        while True:
            found = place(self._buffer, self._at)
            if found is None:
                self._fill()
                continue
            self._at = found.end
            payload = bytes(self._buffer[found.payload : found.end])
            if found.opcode == TEXT:
                return payload
            self.heed(found.opcode, payload)

    def heed(self, opcode: int, payload: bytes) -> None:
        """Answer a control frame."""
        if opcode == PING:
            self.socket.sendall(masked(payload, PONG))
        elif opcode == CLOSE:
            reason = payload[2:].decode("utf-8", "replace")
            raise Lost(f"the server closed a connection: {int.from_bytes(payload[:2], 'big')} {reason}")

    def close(self) -> None:
        self.socket.close()

    def _fill(self) -> None:
        del self._buffer[: self._at]
        self._at = 0
        try:
            data = self.socket.recv(CHUNK)
        except TimeoutError:
            raise Lost(f"waited {PATIENCE:g} s in vain for an answer") from None
        if not data:
            raise Lost("the server ended a connection")
        self._buffer += data

    def _ask(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def upgraded(self) -> None:
        """Take the answer to the upgrade."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._fill()
        status = self._buffer.partition(b"\r\n")[0].decode()
        if " 101 " not in status:
            raise Lost(f"the upgrade was answered: {status}")
        self._at = end + 4
