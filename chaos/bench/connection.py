"""A client's WebSocket connection (RFC 6455) over a blocking socket, as cheap for the load generator as it can be."""

import base64
import os
import socket
import ssl
import struct
from typing import NamedTuple

from bodhisattva.fixtures.frames import Opcode, encode

HOST = "127.0.0.1"
TIMEOUT = 60.0
CHUNK = 120_000  # bytes read at once; more would have the allocator map and unmap memory at each read
_RECEIVE_BUFFER = 4 * 1024 * 1024  # of the kernel, so that a burst never makes the server wait
_MEDIUM = 126


class LoadError(Exception):
    """A response or an event is missing or wrong, so the run has no figures."""


class FrameSpan(NamedTuple):
    """Where a frame is in a buffer: the opcode, and the indexes of the payload's start and end."""

    opcode: int
    payload: int
    end: int


def locate_frame(buffer: bytes | bytearray, start: int) -> FrameSpan | None:
    """The unmasked frame that begins at `start`; None while it is incomplete (RFC 6455, 5.2)."""
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
    return FrameSpan(buffer[start] & 0xF, payload, end) if len(buffer) >= end else None


class Connection:
    """Opens a connection and sends the upgrade request; `upgraded` reads its response. context: for TLS."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        plain.settimeout(TIMEOUT)
        plain.connect((HOST, port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=HOST) if context else plain
        self._buffer = bytearray()
        self._position = 0
        self._send_upgrade()

    def send(self, *texts: bytes) -> None:
        """Send text messages in one write."""
        self.socket.sendall(b"".join(encode(Opcode.TEXT, text) for text in texts))

    def receive(self) -> bytes:
        """The next text message; control frames before it are handled."""
        while True:
            found = locate_frame(self._buffer, self._position)
            if found is None:
                self._fill()
                continue
            self._position = found.end
            payload = bytes(self._buffer[found.payload : found.end])
            if found.opcode == Opcode.TEXT:
                return payload
            self.handle_control(found.opcode, payload)

    def handle_control(self, opcode: int, payload: bytes) -> None:
        """Answer a ping; LoadError for a close frame."""
        if opcode == Opcode.PING:
            self.socket.sendall(encode(Opcode.PONG, payload))
        elif opcode == Opcode.CLOSE:
            reason = payload[2:].decode("utf-8", "replace")
            raise LoadError(f"the server closed a connection: {int.from_bytes(payload[:2], 'big')} {reason}")

    def close(self) -> None:
        self.socket.close()

    def upgraded(self) -> None:
        """Read the response to the upgrade; LoadError unless it is 101."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._fill()
        status = self._buffer.partition(b"\r\n")[0].decode()
        if " 101 " not in status:
            raise LoadError(f"the upgrade was answered: {status}")
        self._position = end + 4

    def _fill(self) -> None:
        del self._buffer[: self._position]
        self._position = 0
        try:
            data = self.socket.recv(CHUNK)
        except TimeoutError:
            raise LoadError(f"no response within {TIMEOUT:g} s") from None
        if not data:
            raise LoadError("the server ended a connection")
        self._buffer += data

    def _send_upgrade(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
