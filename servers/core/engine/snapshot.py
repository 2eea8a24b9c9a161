"""A service's state as bytes, so that it can be rebuilt without the events that retention has removed.

The type hints of the state say how it is read back. A field that a newer release adds needs a default that is right
for a state without it. A class that msgspec does not know says by `pack` and `unpack` what it is made of.
"""

from collections import deque
from typing import Any, Protocol, Self, get_origin, runtime_checkable

import msgspec

from bodhisattva.servers.core.domain import State
from bodhisattva.servers.core.service import Service


@runtime_checkable
class Packable(Protocol):
    """packed: what JSON could say, too."""

    def pack(self) -> Any: ...

    @classmethod
    def unpack(cls, packed: Any) -> Self: ...


def pack(state: State) -> bytes:
    """TypeError if the state holds something that cannot be read back."""
    return msgspec.msgpack.encode(state, enc_hook=_to_plain)


def unpack(service: Service, packed: bytes) -> State:
    """msgspec.ValidationError or msgspec.DecodeError if these bytes are no state of this service."""
    kind = type(service.state())
    return msgspec.msgpack.decode(packed, type=kind, dec_hook=_from_plain)


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
