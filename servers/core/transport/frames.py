"""Server frames (RFC 6455, 5.2): unmasked, unfragmented, so that one frame serves every receiver."""

import struct

ABNORMAL = 1006  # never sent: the peer has ended without a close frame
PROTOCOL_ERROR = 1002
LAST_CLOSE_CODE = 4999  # RFC 6455, 7.4.2

_FIN, _COMPRESSED = 0x80, 0x40
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_SHORT, _MEDIUM = 126, 1 << 16
_with_medium, _with_long = struct.Struct("!BBH").pack, struct.Struct("!BBQ").pack


def text(payload: bytes) -> bytes:
    return _frame(_TEXT, payload)


def compressed_text(payload: bytes) -> bytes:
    """A text whose payload is compressed (RFC 7692, 6.1)."""
    return _frame(_COMPRESSED | _TEXT, payload)


def payload_of_text(frame: bytes) -> memoryview | None:
    """The payload of a frame that `text` made, None of any other."""
    if frame[0] != _FIN | _TEXT:
        return None
    return memoryview(frame)[{126: 4, 127: 10}.get(frame[1], 2) :]


def ping(payload: bytes = b"") -> bytes:
    return _frame(_PING, payload)


def pong(payload: bytes) -> bytes:
    return _frame(_PONG, payload)


def close(code: int, reason: str) -> bytes:
    return _frame(_CLOSE, struct.pack("!H", code) + reason.encode())


def _frame(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < _SHORT:
        return bytes((_FIN | opcode, length)) + payload
    if length < _MEDIUM:
        return _with_medium(_FIN | opcode, 126, length) + payload
    return _with_long(_FIN | opcode, 127, length) + payload
