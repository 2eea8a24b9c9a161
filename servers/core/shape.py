"""Bounds on a JSON text, judged before it is decoded: the values that it holds, and how deep it is nested.

A decoder makes an object of each value, which costs a hundred times what its bytes do. What is counted here is counted
in C over the whole text: openings and commas, each of which comes with at most one value.
"""

from itertools import accumulate

from bodhisattva.servers.core.errors import DecodeFailed

_OPENING = b"[{"
_BRACKETS = b"[]{}"
_NO_BRACKETS = bytes(sorted(set(range(256)) - set(_BRACKETS)))
_STEPS = bytes(1 if byte in _OPENING else 255 for byte in range(256))  # as signed bytes: one deeper, one less deep
_QUOTES_OF_A_VALUE = 4  # those of its key and its own


def check(text: str, *, values: int, nesting: int) -> None:
    """DecodeFailed, with the limit, for a text that exceeds one; strings are looked into only where it matters.

    values: how many there may be. nesting: levels of arrays and objects. The time is linear in the text's length.
    """
    opened = text.count("[") + text.count("{")
    if opened + text.count(",") > values or opened > nesting:
        outside = _outside_strings(text, values)
        if sum(outside.count(mark) for mark in (b"[", b"{", b",")) > values:
            raise _too_many(values)
        if _depth(outside) > nesting:
            raise DecodeFailed("The message is nested too deeply.", limit=nesting)


def _outside_strings(text: str, values: int) -> bytes:
    """The text without its strings, unless these alone are too many."""
    data = text.encode(errors="replace").replace(rb"\\", b"")
    if data.count(b'"') - data.count(rb"\"") > _QUOTES_OF_A_VALUE * values:
        raise _too_many(values)
    return b"".join(data.replace(rb"\"", b"").split(b'"')[::2])


def _depth(outside: bytes) -> int:
    steps = outside.translate(None, _NO_BRACKETS).translate(_STEPS)
    return max(accumulate(memoryview(steps).cast("b")), default=0)


def _too_many(values: int) -> DecodeFailed:
    return DecodeFailed("The message holds too many values.", limit=values)
