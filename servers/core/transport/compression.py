"""permessage-deflate (RFC 7692), by option, for clients that offer it.

No message depends on the one before it (no context takeover), so that one compressed frame serves every receiver, and a
connection keeps no window of its own.
"""

import re
import zlib
from collections.abc import Iterable

from bodhisattva.servers.core.transport import frames

EXTENSION = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
WINDOW = 15
_NAME = "permessage-deflate"
_WINDOWS = {str(bits) for bits in range(8, 16)}
# The values that a parameter may have in an offer (RFC 7692, 7.1); None: it may stand without one.
_PARAMETERS: dict[str, set[str | None]] = {
    "server_no_context_takeover": {None},
    "client_no_context_takeover": {None},
    "server_max_window_bits": {*_WINDOWS},
    "client_max_window_bits": {None, *_WINDOWS},
}
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*({_TOKEN})(?:[ \t]*=[ \t]*({_TOKEN}|{_QUOTED}))?")
_OFFER = re.compile(rf"[ \t]*(?:({_TOKEN})((?:{_PARAMETER.pattern})*))?[ \t]*(?:,|$)")
_LEVEL = zlib.Z_BEST_SPEED
_TRAILING = b"\x00\x00\xff\xff"
_BLOCK = 16  # bytes, in round numbers, that a compressed message has besides
_WORTH = 200  # bytes of a frame from which it is tried


def agree(offered: Iterable[str]) -> str | None:
    """The answer to the first offer that can be accepted, None if there is none.

    offered: the values of Sec-WebSocket-Extensions (RFC 6455, 9.1); what is no such list offers nothing.
    """
    listed, position = ",".join(offered), 0
    while position < len(listed):
        offer = _OFFER.match(listed, position)
        if offer is None:
            return None
        if offer[1] == _NAME and (answer := _accept(offer[2])) is not None:
            return answer
        position = offer.end()
    return None


def _accept(parameters: str) -> str | None:
    """The answer to one offer, None if it must be declined (RFC 7692, 7.1) or wants a smaller window than ours."""
    seen: dict[str, str | None] = {}
    for found in _PARAMETER.finditer(parameters):
        name, value = found[1], _unquoted(found[2])
        if name in seen or value not in _PARAMETERS.get(name, ()):
            return None
        seen[name] = value
    window = seen.get("server_max_window_bits")
    if window is None:
        return EXTENSION
    return f"{EXTENSION}; server_max_window_bits={window}" if window == str(WINDOW) else None


def _unquoted(value: str | None) -> str | None:
    if value is None or not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def at_worst(length: int) -> int:
    """What a text of this length may come to when it is compressed: bytes of eight bits take nine at most."""
    return length + length // 8 + _BLOCK


def deflate(frame: bytes) -> bytes:
    """A server's frame for a client that takes compressed ones: the same if that is no gain, or no text."""
    payload = frames.payload_of_text(frame)
    if payload is None or len(frame) < _WORTH:
        return frame
    squeezing = zlib.compressobj(_LEVEL, wbits=-WINDOW)
    squeezed = squeezing.compress(payload) + squeezing.flush(zlib.Z_SYNC_FLUSH)
    compressed = frames.compressed_text(squeezed.removesuffix(_TRAILING))
    return compressed if len(compressed) < len(frame) else frame
