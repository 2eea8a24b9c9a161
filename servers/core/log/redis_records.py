"""How a log lies in Redis: the names of its keys, and its records as bytes."""

import msgspec

from bodhisattva.servers.core.log.base import Position, StoredAnswer, StoredEvent

# Besides the channels' streams, all keys of a log; see `redis_scripts` for what they hold.
STORED = ("meta", "entries", "answers", "ages", "positions", "snapshot", "floors")

answer_decoder = msgspec.json.Decoder(StoredAnswer)
position_decoder = msgspec.json.Decoder(Position)
offsets_decoder = msgspec.json.Decoder(dict[str, int])


class Rest(msgspec.Struct, frozen=True, array_like=True):
    """Of an event, what is neither its number, nor its id, nor its data. trace: stands there if there is one."""

    name: str
    at: str
    channels: tuple[tuple[str, int], ...]
    trace: str | None = None


_rest_decoder = msgspec.json.Decoder(Rest)


class Keys:
    """The keys of a service's log; the braces have a cluster keep them in one slot."""

    def __init__(self, prefix: str, service: str, part: str = "") -> None:
        self.base = f"{{{prefix}:{service}}}:{part}"
        self._log = (prefix, service)

    def beside(self, part: str) -> "Keys":
        """Keys of another log in the same slot."""
        return Keys(*self._log, part)

    def of(self, *names: str) -> list[str]:
        return [self.base + name for name in names]

    def channel(self, channel: str) -> str:
        return f"{self.base}channel:{channel}"


def rest(event: StoredEvent) -> bytes:
    about = (event.name, event.at, event.channels)
    return msgspec.json.encode(about if event.trace is None else (*about, event.trace))


def event(seq: bytes, event_id: bytes, about: bytes, data: bytes) -> StoredEvent:
    """msgspec.DecodeError or UnicodeDecodeError if it is none."""
    decoded = _rest_decoder.decode(about)
    name, at, channels = decoded.name, decoded.at, decoded.channels
    return StoredEvent(int(seq), event_id.decode(), name, at, channels, msgspec.Raw(data), decoded.trace)


def answer_key(user_id: str, request_id: str) -> str:
    return f"{user_id}\0{request_id}"


def fence(version: int, epoch: str) -> str:
    """The epoch as a log of this format holds it: whoever knows earlier formats only finds another than its own."""
    return f"{version}:{epoch}"
