"""What aiohttp takes of clients although they must not send it, so that it is judged before.

Frames without a mask (RFC 6455, 5.1), a new message after an empty fragment of one (5.4), control frames that are
marked as compressed (RFC 7692, 6.1), and messages in endless small fragments, which count towards no rate since only
messages do.
"""

from aiohttp import WebSocketError, WSCloseCode

_FINAL = 0x80
_COMPRESSED = 0x40
_MASKED = 0x80
_OPCODE = 0x0F
_CONTINUATION = 0x0
_CLOSE = 0x8  # and from it on all are control frames
_LENGTH = 0x7F
_KEY_BYTES = 4
_SMALL = 64  # bytes: less is mostly header, and costs the reader more than the sender
MOST_SMALL = 1024  # small fragments of a message; who cuts at 64 bytes or more sends none
_EXTENDED = {126: 2, 127: 8}  # bytes of the length that follow, by what the short length says


class MaskGuard:
    """Follows the frames in a client's bytes; an unmasked one is a WebSocketError 1002, and ends it.

    closed: whether a whole close frame has come, which ends what the client says.
    violation: the close code for a frame that must not come, after which it can still follow.
    """

    __slots__ = ("_closing", "_header", "_skip", "_small", "_unfinished", "closed", "violation")

    def __init__(self) -> None:
        self.closed = False
        self.violation: int | None = None
        self._header = bytearray()
        self._skip = 0
        self._small = 0
        self._closing = False
        self._unfinished = False

    @property
    def between_messages(self) -> bool:
        """Whether all that has come is whole: no frame is cut, and no message waits for its last fragment."""
        return not (self._skip or self._header or self._unfinished)

    def follow(self, data: bytes) -> None:
        if not (self._skip or self._header or self._unfinished) and self._is_one_frame(data):
            self.closed = data[0] & _OPCODE == _CLOSE
            return
        position = 0
        while position < len(data):
            if self._skip:
                taken = min(self._skip, len(data) - position)
                self._skip -= taken
                position += taken
                self.closed |= self._closing and not self._skip
            else:
                missing = self._missing()
                self._header += data[position : position + missing]
                position += missing
                self._judge()

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
        """Bytes of the header that are still to come, as far as it says by now."""
        if len(self._header) < 2:
            return 2 - len(self._header)
        return 2 + _EXTENDED.get(self._header[1] & _LENGTH, 0) - len(self._header)

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
        size = int.from_bytes(header[2:]) if extended else length
        self._skip = _KEY_BYTES + size
        opcode = header[0] & _OPCODE
        self._closing = opcode == _CLOSE
        if opcode < _CLOSE:
            if opcode != _CONTINUATION and self._unfinished:
                self.violation = WSCloseCode.PROTOCOL_ERROR
            self._unfinished = header[0] < _FINAL
            self._count(size)
        elif header[0] & _COMPRESSED:
            self.violation = WSCloseCode.PROTOCOL_ERROR
        header.clear()

    def _count(self, size: int) -> None:
        if not self._unfinished:
            self._small = 0
        elif size < _SMALL:
            self._small += 1
            if self._small > MOST_SMALL:
                self.violation = WSCloseCode.POLICY_VIOLATION
