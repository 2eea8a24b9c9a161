"""What clients must not send and aiohttp's parser takes; it is found before the bytes are parsed.

Frames without a mask (RFC 6455, 5.1), a new message after an empty fragment of one (5.4), control frames that are
marked as compressed (RFC 7692, 6.1), and messages in endless small fragments, which count towards no rate since only
messages do. Text that is no UTF-8 (8.1) is found when its first bad byte comes, not when its message ends.
"""

from aiohttp import WSCloseCode

from bodhisattva.servers.core.transport.utf8 import Utf8Validator

_FINAL = 0x80
_COMPRESSED = 0x40
_MASKED = 0x80
_OPCODE = 0x0F
_CONTINUATION = 0x0
_TEXT = 0x1
_CLOSE = 0x8  # and from it on all are control frames
_LENGTH = 0x7F
_KEY_BYTES = 4
_SMALL = 64  # bytes: less is mostly header, and costs the reader more than the sender
MOST_SMALL = 1024  # small fragments of a message; a client that cuts at 64 bytes or more sends none
_EXTENDED = {126: 2, 127: 8}  # bytes of the extended length, by the short length


class FrameValidator:
    """Reads the headers of the frames in a client's bytes.

    closed: whether a whole close frame has come, after which nothing counts (RFC 6455, 5.5.1).
    violation: the close code for the first frame that must not come, None if there was none.
    unmasked: whether that frame has no mask, after which no other can be found.
    """

    __slots__ = (
        "_closing",
        "_header",
        "_in_text",
        "_skip",
        "_small",
        "_text",
        "_unfinished",
        "closed",
        "unmasked",
        "violation",
    )

    def __init__(self) -> None:
        self.closed = False
        self.violation: int | None = None
        self.unmasked = False
        self._header = bytearray()
        self._skip = 0
        self._small = 0
        self._closing = False
        self._unfinished = False
        self._text: Utf8Validator | None = None
        self._in_text = False

    @property
    def between_messages(self) -> bool:
        """Whether all that has come is whole: no frame is cut, and no message waits for its last fragment."""
        return not (self._skip or self._header or self._unfinished)

    @property
    def is_over(self) -> bool:
        """Whether no frame of the client is to be waited for any more."""
        return self.closed or self.unmasked

    def validate(self, data: bytes) -> int:
        """How many of these bytes came before the violation, or up to the close frame's end: all, if there is none."""
        if not (self._skip or self._header or self._unfinished) and self._is_one_frame(data):
            self.closed = data[0] & _OPCODE == _CLOSE
            return len(data)
        position, good = 0, len(data)
        while position < len(data) and not self.is_over:
            start = position
            position += self._read_body(data, position) if self._skip else self._read_header(data, position)
            if self.violation is not None:
                good = min(good, start)
        return min(good, position)

    def _read_body(self, data: bytes, position: int) -> int:
        """Bytes of the key and payload that are in `data`. The parser itself validates the text that they complete."""
        taken = min(self._skip, len(data) - position)
        if self._in_text and (self._unfinished or taken < self._skip):
            self._validate_text(data[position : position + taken])
        self._skip -= taken
        self.closed = self._closing and not self._skip
        return taken

    def _read_header(self, data: bytes, position: int) -> int:
        missing = self._missing()
        self._header += data[position : position + missing]
        self._validate_header()
        return missing

    @staticmethod
    def _is_one_frame(data: bytes) -> bool:
        """What nearly all that comes is: a whole masked message of less than 64 KiB, no more and no less."""
        if len(data) < 4 or not _FINAL <= data[0] < _FINAL | _COMPRESSED | _CLOSE or data[1] < _MASKED:
            return False
        length = data[1] & _LENGTH
        if length < 126:
            return len(data) == 2 + _KEY_BYTES + length
        return length == 126 and len(data) == 4 + _KEY_BYTES + (data[2] << 8 | data[3])

    def _missing(self) -> int:
        """Bytes of the header that are still to come, by the bytes that are there."""
        if len(self._header) < 2:
            return 2 - len(self._header)
        return 2 + _EXTENDED.get(self._header[1] & _LENGTH, 0) - len(self._header)

    def _validate_header(self) -> None:
        """Once the header is whole, the next one is that of the frame after its key and payload."""
        header = self._header
        if len(header) < 2:
            return
        if not header[1] & _MASKED:
            self.unmasked = True
            self._violate(WSCloseCode.PROTOCOL_ERROR)
            return
        length = header[1] & _LENGTH
        extended = _EXTENDED.get(length, 0)
        if len(header) < 2 + extended:
            return
        size = int.from_bytes(header[2:]) if extended else length
        self._skip = _KEY_BYTES + size
        opcode = header[0] & _OPCODE
        self._closing = opcode == _CLOSE
        self._in_text = False
        if opcode < _CLOSE:
            if opcode != _CONTINUATION and self._unfinished:
                self._violate(WSCloseCode.PROTOCOL_ERROR)
            self._begin_text(opcode, is_compressed=bool(header[0] & _COMPRESSED))
            self._unfinished = header[0] < _FINAL
            self._count(size)
        elif header[0] & _COMPRESSED:
            self._violate(WSCloseCode.PROTOCOL_ERROR)
        header.clear()

    def _violate(self, code: int) -> None:
        if self.violation is None:
            self.violation = code

    def _begin_text(self, opcode: int, *, is_compressed: bool) -> None:
        """Compressed text is validated once it is whole and inflated."""
        if opcode != _CONTINUATION:
            self._text = Utf8Validator() if opcode == _TEXT and not is_compressed else None
        elif not self._unfinished:
            self._text = None
        if self._text is not None:
            self._text.begin_frame()
            self._in_text = True

    def _validate_text(self, body: bytes) -> None:
        if self._text is not None and not self._text.feed(body):
            self._text, self._in_text = None, False
            self._violate(WSCloseCode.INVALID_TEXT)

    def _count(self, size: int) -> None:
        if not self._unfinished:
            self._small = 0
        elif size < _SMALL:
            self._small += 1
            if self._small > MOST_SMALL:
                self._violate(WSCloseCode.POLICY_VIOLATION)
