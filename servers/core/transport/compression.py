"""permessage-deflate (RFC 7692), by option and for those who offer it.

No message depends on the one before it (no context takeover), so that one compressed frame serves every receiver, and a
connection keeps no window of its own.
"""

import zlib

from bodhisattva.servers.core.transport import frames

EXTENSION = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
WINDOW = 15
_LEVEL = zlib.Z_BEST_SPEED
_TRAILING = b"\x00\x00\xff\xff"
_BLOCK = 16  # bytes, in round numbers, that a compressed message has besides
_WORTH = 200  # bytes of a frame from which it is tried


def at_worst(length: int) -> int:
    """What a text of this length may come to when it is compressed: bytes of eight bits take nine at most."""
    return length + length // 8 + _BLOCK


def deflate(frame: bytes) -> bytes:
    """A server's frame as it is sent to who takes compressed ones: the same if that is no gain, or no text."""
    payload = frames.payload_of_text(frame)
    if payload is None or len(frame) < _WORTH:
        return frame
    squeezing = zlib.compressobj(_LEVEL, wbits=-WINDOW)
    squeezed = squeezing.compress(payload) + squeezing.flush(zlib.Z_SYNC_FLUSH)
    compressed = frames.compressed_text(squeezed.removesuffix(_TRAILING))
    return compressed if len(compressed) < len(frame) else frame
