"""Clients mask their frames (RFC 6455, 5.1); aiohttp takes unmasked ones too, so they are judged before it."""

from typing import Any

from aiohttp import WebSocketError, WSCloseCode, web

_MASKED = 0x80
_LENGTH = 0x7F
_KEY_BYTES = 4
_EXTENDED = {126: 2, 127: 8}  # bytes of the length that follow, by what the short length says


class MaskGuard:
    """Follows the frames in a client's bytes; an unmasked one is a WebSocketError 1002."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._skip = 0

    def follow(self, data: bytes) -> None:
        position = 0
        while position < len(data):
            if self._skip:
                taken = min(self._skip, len(data) - position)
                self._skip -= taken
                position += taken
            else:
                self._header.append(data[position])
                position += 1
                self._judge()

    def _judge(self) -> None:
        """Once the header is whole, the next one is that of the frame after its key and payload."""
        header = self._header
        if len(header) < 2:
            return
        if not header[1] & _MASKED:
            raise WebSocketError(WSCloseCode.PROTOCOL_ERROR, "Received frame without mask")
        length = header[1] & _LENGTH
        extended = _EXTENDED.get(length, 0)
        if len(header) < 2 + extended:
            return
        self._skip = _KEY_BYTES + (int.from_bytes(header[2:]) if extended else length)
        header.clear()


class _GuardedParser:
    """aiohttp's parser of a connection, behind the guard."""

    def __init__(self, parser: Any, queue: Any) -> None:
        self._guard = MaskGuard()
        self._parser = parser
        self._queue = queue

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        try:
            self._guard.follow(data)
        except WebSocketError as violation:
            self._queue.set_exception(violation)
            return True, b""
        return self._parser.feed_data(data)  # type: ignore[no-any-return]

    def feed_eof(self) -> None:
        self._parser.feed_eof()


class MaskedWebSocketResponse(web.WebSocketResponse):
    """A WebSocketResponse that fails a connection whose client does not mask.

    aiohttp has no place for this: its parser is put behind the guard where it is installed, and what came together
    with the upgrade is fed after that.
    """

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        connection = request.protocol
        early, connection._message_tail = connection._message_tail, b""
        super()._post_start(request, protocol, writer)
        guarded = _GuardedParser(self._parser, self._reader)
        connection._payload_parser = guarded
        if early:
            guarded.feed_data(early)
