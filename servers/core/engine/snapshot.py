"""A service's state as bytes, so that it can be rebuilt without the events that retention has removed.

The state is read back by its type hints. A field that a newer release adds needs a default that is right
for a state without it. A class that msgspec does not know has `pack` and `unpack`.
"""

from collections import deque
from typing import Any, Protocol, Self, get_origin, runtime_checkable

import msgspec

from bodhisattva.servers.core.domain import State
from bodhisattva.servers.core.service import Service

_LARGE_INTEGER = 1  # its code among msgpack's extensions


@runtime_checkable
class Packable(Protocol):
    """packed: made of what JSON has."""

    def pack(self) -> Any: ...

    @classmethod
    def unpack(cls, packed: Any) -> Self: ...


def pack(state: State) -> bytes:
    """TypeError if the state holds something that cannot be read back."""
    try:
        return msgspec.msgpack.encode(state, enc_hook=_to_plain)
    except OverflowError:
        return msgspec.msgpack.encode(_with_large_integers(msgspec.to_builtins(state, enc_hook=_to_plain)))


def unpack(service: Service, packed: bytes) -> State:
    """msgspec.ValidationError or msgspec.DecodeError if these bytes are no state of this service."""
    kind = type(service.state())
    return msgspec.msgpack.decode(packed, type=kind, dec_hook=_from_plain, ext_hook=_from_extension)


def _with_large_integers(plain: Any) -> Any:
    """JSON's integers have any size, msgpack's 64 bits."""
    if isinstance(plain, dict):
        return {key: _with_large_integers(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_with_large_integers(value) for value in plain]
    if isinstance(plain, int) and not -(2**63) <= plain < 2**64:
        return msgspec.msgpack.Ext(_LARGE_INTEGER, str(plain).encode())
    return plain


def _from_extension(code: int, content: memoryview) -> int:
    if code != _LARGE_INTEGER:
        raise ValueError(f"an extension of the code {code} in a snapshot")
    return int(bytes(content))


def _to_plain(value: Any) -> Any:
    if isinstance(value, deque):
        return list(value)
    if isinstance(value, Packable):
        return value.pack()
    raise TypeError(f"a state with {type(value).__name__} in it cannot be packed")


def _from_plain(kind: Any, plain: Any) -> Any:
    if get_origin(kind) is deque:
        return deque(plain)
    if isinstance(kind, type) and issubclass(kind, Packable):
        return kind.unpack(plain)
    raise TypeError(f"{kind} cannot be unpacked")
