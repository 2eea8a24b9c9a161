"""UTF-8 as it arrives: a bad byte is found when it comes, not when its message ends (RFC 6455, 8.1)."""

import codecs

from aiohttp._websocket.helpers import websocket_mask

_KEY_BYTES = 4


class Utf8Validator:
    """The text of one message, in masked frames that come in any pieces."""

    __slots__ = ("_cut", "_key")

    def __init__(self) -> None:
        self._key = b""
        self._cut = b""  # the beginning of a character

    def begin_frame(self) -> None:
        self._key = b""

    def feed(self, body: bytes) -> bool:
        """Whether the text may still become UTF-8. body: the next bytes of the frame's key and payload."""
        missing = _KEY_BYTES - len(self._key)
        if missing:
            self._key += body[:missing]
            body = body[missing:]
        plain = bytearray(body)
        if not plain:
            return True
        websocket_mask(self._key, plain)
        if turned := len(plain) % _KEY_BYTES:
            self._key = self._key[turned:] + self._key[:turned]
        if not self._cut and plain.isascii():
            return True
        coming = self._cut + plain
        try:
            _, used = codecs.utf_8_decode(coming)
        except UnicodeDecodeError:
            return False
        self._cut = bytes(coming[used:])
        return not _begins_a_surrogate(self._cut)


def _begins_a_surrogate(cut: bytes) -> bool:
    """U+D800 to U+DFFF are invalid; Python's decoder waits for their third byte."""
    return len(cut) == 2 and cut[0] == 0xED and cut[1] >= 0xA0
