"""Text as the protocol has it: a byte that is no UTF-8 ends the connection when it comes (the library waits longer)."""

import codecs
from collections.abc import Generator

from websockets.frames import Opcode
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

_SURROGATE, _FIRST = 0xED, 0xA0  # U+D800 and above
_FIN, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F


class TextReader(StreamReader):
    """Decodes the payload of text while the library waits for the rest of its frame.

    It reads as `Frame.parse` does: the head, its longer length, the mask, the payload.
    """

    def __init__(self) -> None:
        super().__init__()
        self._head: bytes | None = None
        self._mask: bytes | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._seen = 0
        self._text = False

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        while self._mask is not None and len(self.buffer) < n and not self.eof:
            self._decode(bytes(self.buffer), final=False)
            yield
        data = yield from super().read_exact(n)
        if self._mask is not None:
            assert self._head is not None
            self._decode(bytes(data), final=bool(self._head[0] & _FIN))
            self._head = self._mask = None
        elif self._head is None:
            self._begin(bytes(data))
        elif n == 4:
            self._mask, self._seen = bytes(data), 0
        return data

    def _begin(self, head: bytes) -> None:
        self._head = head
        opcode = head[0] & _OPCODE
        if opcode in (Opcode.TEXT, Opcode.BINARY):
            self._text = opcode == Opcode.TEXT and not head[0] & _RESERVED  # reserved bits are an error of their own
            self._decoder.reset()

    def _decode(self, payload: bytes, *, final: bool) -> None:
        """What is new of a payload; UnicodeDecodeError, which the library answers with 1007."""
        assert self._head is not None
        assert self._mask is not None
        if self._text and self._head[0] & _OPCODE in (Opcode.TEXT, Opcode.CONT):
            new = bytes(
                byte ^ self._mask[place % 4] for place, byte in enumerate(payload[self._seen :], start=self._seen)
            )
            self._decoder.decode(new, final)
            pending = self._decoder.getstate()[0]
            if len(pending) > 1 and pending[0] == _SURROGATE and pending[1] >= _FIRST:
                raise UnicodeDecodeError("utf-8", pending, 0, len(pending), "a surrogate")  # Python waits for its end
            self._seen = len(payload)


class TextProtocol(ServerProtocol):
    """The library's, reading by that."""

    def parse(self) -> Generator[None, None, None]:
        self.reader = TextReader()
        yield from super().parse()
