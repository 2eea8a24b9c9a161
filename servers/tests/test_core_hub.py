"""Fan-out and presence."""

import json
from typing import Any

import msgspec
import pytest

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.domain import Event, Join, Leave
from bodhisattva.servers.core.hub import Hub
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.metrics import Metrics
from bodhisattva.servers.tests.ledger import LEDGER


class Receiver:
    def __init__(self, connection_id: str, user_id: str = "ada") -> None:
        self.connection_id = connection_id
        self.user_id = user_id
        self.frames: list[bytes] = []
        self.replaced: list[tuple[str, str, str]] = []

    def push(self, frame: bytes) -> None:
        self.frames.append(frame)

    def replace(self, about: tuple[str, str, str], frame: bytes) -> None:
        self.replaced.append(about)
        self.push(frame)

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(frame[frame.index(b"{") :]) for frame in self.frames]


def stored(seq: int, *channels: tuple[str, int]) -> StoredEvent:
    return StoredEvent(seq, f"e{seq}", "posted", "t", channels, msgspec.Raw(b'{"n":%d}' % seq))


@pytest.fixture
def hub() -> Hub:
    hub = Hub(LEDGER, Metrics("ledger", "ledger-server"))
    hub.epoch = "E"
    return hub


def test_s5_subscribers_hear_their_channel_with_its_own_offset(hub: Hub) -> None:
    one, everything, other = Receiver("1"), Receiver("2"), Receiver("3")
    hub.subscribe("account:a", one)
    hub.subscribe("global", everything)
    hub.subscribe("account:b", other)
    hub.publish(stored(7, ("account:a", 3)))
    assert [(e["room"], e["offset"], e["epoch"], e["id"]) for e in one.heard] == [("account:a", 3, "E", "e7")]
    assert [(e["room"], e["offset"]) for e in everything.heard] == [("global", 7)]
    assert other.heard == []


def test_each_event_is_encoded_once_per_channel(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    encode = envelope.numbered_event

    def counting(*arguments: Any, **names: Any) -> bytes:
        made.append(names["room"])
        return encode(*arguments, **names)

    monkeypatch.setattr(envelope, "numbered_event", counting)
    receivers = [Receiver(str(n)) for n in range(50)]
    for receiver in receivers:
        hub.subscribe("account:a", receiver)
    hub.publish(stored(1, ("account:a", 1), ("account:nobody", 1)))
    assert made == ["account:a"]
    assert all(receiver.frames[0] is receivers[0].frames[0] for receiver in receivers)


def test_unsubscribed_means_silence_and_no_room_left(hub: Hub) -> None:
    one = Receiver("1")
    hub.subscribe("account:a", one)
    hub.unsubscribe("account:a", one)
    hub.unsubscribe("account:a", one)
    hub.publish(stored(1, ("account:a", 1)))
    assert (one.heard, dict(hub._receivers)) == ([], {})


def test_s5_ephemeral_events_have_no_offset(hub: Hub) -> None:
    one = Receiver("1")
    hub.subscribe("waves:a", one)
    hub.say(Event("waved", ("waves:a",), {"by": "ada"}))
    (heard,) = one.heard
    assert (heard["event"], heard["room"], heard["data"]) == ("waved", "waves:a", {"by": "ada"})
    assert not {"offset", "epoch"} & heard.keys()


def test_s5_an_event_about_a_subject_may_take_the_place_of_an_earlier_one(hub: Hub) -> None:
    one = Receiver("1")
    hub.subscribe("waves:a", one)
    hub.say(Event("waved", ("waves:a",), {"by": "ada"}))
    assert one.replaced == []
    hub.say(Event("waved", ("waves:a",), {"by": "ada"}, subject="ada"))
    assert one.replaced == [("waves:a", "waved", "ada")]
    assert len(one.heard) == 2


def test_s3_presence_lists_members_and_listeners(hub: Hub) -> None:
    member, listener = Receiver("1", "ada"), Receiver("2", "bob")
    hub.add(member)
    hub.subscribe("waves:a", member)
    hub.subscribe("waves:a", listener)
    hub.change_membership("1", Join("waves:a", {"name": "Ada"}))
    assert hub.present("waves:a") == [
        {"name": "Ada", "connection_id": "1", "user_id": "ada"},
        {"connection_id": "2", "user_id": "bob"},
    ]
    assert hub.membership(member) == {"waves:a": {"name": "Ada"}}


def test_s3_a_member_that_leaves_is_no_member(hub: Hub) -> None:
    member = Receiver("1")
    hub.add(member)
    hub.change_membership("1", Join("waves:a", {}))
    hub.change_membership("1", Leave("waves:a"))
    assert (hub.present("waves:a"), hub.membership(member)) == ([], {})


def test_s8_a_connection_s_end_is_told_where_it_was_a_member_and_frees_all(hub: Hub) -> None:
    member, witness = Receiver("1"), Receiver("2")
    for receiver in (member, witness):
        hub.add(receiver)
        hub.subscribe("waves:a", receiver)
    hub.change_membership("1", Join("waves:a", {"name": "Ada"}))
    hub.unsubscribe("waves:a", member)
    hub.gone(member)
    assert [(e["event"], e["data"]) for e in witness.heard] == [("left", {"name": "Ada"})]
    hub.unsubscribe("waves:a", witness)
    hub.gone(witness)
    assert not any((hub._connections, hub._receivers, hub._members, hub._joined))


def test_a_connection_that_ended_joins_nothing(hub: Hub) -> None:
    hub.change_membership("gone", Join("waves:a", {}))
    assert hub.present("waves:a") == []
