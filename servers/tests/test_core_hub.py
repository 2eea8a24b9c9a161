"""Fan-out and presence."""

from typing import Any

import msgspec
import pytest

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.domain import Event, Join, Leave
from bodhisattva.servers.core.engine.hub import Hub
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.core.transport.outbox import Turn
from bodhisattva.servers.tests.ear import Ear
from bodhisattva.servers.tests.ledger import LEDGER


def stored(seq: int, *channels: tuple[str, int]) -> StoredEvent:
    return StoredEvent(seq, f"e{seq}", "posted", "t", channels, msgspec.Raw(b'{"n":%d}' % seq))


@pytest.fixture
def turn() -> Turn:
    return Turn(lambda: 1000)


@pytest.fixture
def hub(turn: Turn) -> Hub:
    hub = Hub(LEDGER, Metrics("ledger", "ledger-server"), turn)
    hub.epoch = "E"
    return hub


async def test_s5_subscribers_hear_their_channel_with_its_own_offset(hub: Hub, turn: Turn) -> None:
    one, everything, other = Ear(turn, "1"), Ear(turn, "2"), Ear(turn, "3")
    hub.subscribe("account:a", one)
    hub.subscribe("global", everything)
    hub.subscribe("account:b", other)
    hub.publish(stored(7, ("account:a", 3)))
    assert [(e["room"], e["offset"], e["epoch"], e["id"]) for e in one.heard] == [("account:a", 3, "E", "e7")]
    assert [(e["room"], e["offset"]) for e in everything.heard] == [("global", 7)]
    assert other.heard == []


async def test_each_event_is_encoded_once_per_channel(hub: Hub, turn: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    encode = envelope.numbered_event

    def counting(*arguments: Any, **names: Any) -> bytes:
        made.append(names["room"])
        return encode(*arguments, **names)

    monkeypatch.setattr(envelope, "numbered_event", counting)
    receivers = [Ear(turn, str(n)) for n in range(50)]
    for receiver in receivers:
        hub.subscribe("account:a", receiver)
    hub.publish(stored(1, ("account:a", 1), ("account:nobody", 1)))
    assert made == ["account:a"]
    turn.flush()
    assert all(receiver.writes[0] is receivers[0].writes[0] for receiver in receivers)


async def test_unsubscribed_means_silence_and_no_room_left(hub: Hub, turn: Turn) -> None:
    one = Ear(turn, "1")
    hub.subscribe("account:a", one)
    hub.unsubscribe("account:a", one)
    hub.unsubscribe("account:a", one)
    hub.publish(stored(1, ("account:a", 1)))
    assert (one.heard, dict(hub._receivers)) == ([], {})


async def test_s5_who_comes_or_goes_within_a_turn_hears_what_is_of_its_time(hub: Hub, turn: Turn) -> None:
    stays, comes, goes = Ear(turn, "1"), Ear(turn, "2"), Ear(turn, "3")
    hub.subscribe("account:a", stays)
    hub.subscribe("account:a", goes)
    hub.publish(stored(1, ("account:a", 1)))
    hub.unsubscribe("account:a", goes)
    hub.subscribe("account:a", comes)
    hub.publish(stored(2, ("account:a", 2)))
    assert [[event["offset"] for event in ear.heard] for ear in (stays, goes, comes)] == [[1, 2], [1], [2]]


async def test_s5_events_of_several_channels_come_in_the_order_of_the_log(hub: Hub, turn: Turn) -> None:
    both = Ear(turn, "1")
    for channel in ("account:a", "global"):
        hub.subscribe(channel, both)
    for seq in (1, 2):
        hub.publish(stored(seq, ("account:a", seq)))
    assert [(event["room"], event["offset"]) for event in both.heard] == [
        ("account:a", 1), ("global", 1), ("account:a", 2), ("global", 2)
    ]  # fmt: skip


async def test_s5_ephemeral_events_have_no_offset(hub: Hub, turn: Turn) -> None:
    one = Ear(turn, "1")
    hub.subscribe("waves:a", one)
    hub.say(Event("waved", ("waves:a",), {"by": "ada"}))
    (heard,) = one.heard
    assert (heard["event"], heard["room"], heard["data"]) == ("waved", "waves:a", {"by": "ada"})
    assert not {"offset", "epoch"} & heard.keys()


async def test_s5_an_event_about_a_subject_may_take_the_place_of_an_earlier_one(hub: Hub, turn: Turn) -> None:
    one = Ear(turn, "1")
    hub.subscribe("waves:a", one)
    for number in range(2):
        hub.say(Event("waved", ("waves:a",), {"number": number}))
    for number in range(2, 4):
        hub.say(Event("waved", ("waves:a",), {"number": number}, subject="ada"))
    assert [event["data"]["number"] for event in one.heard] == [0, 1, 3]


async def test_s5_of_what_is_said_of_a_subject_under_several_names_only_the_newest_is_sent(
    hub: Hub, turn: Turn
) -> None:
    one = Ear(turn, "1")
    hub.subscribe("waves:a", one)
    for name, subject in (("came", "ada"), ("came", "bob"), ("left", "ada"), ("left", "bob"), ("came", "ada")):
        hub.say(Event(name, ("waves:a",), {"who": subject}, subject=subject))
    assert [(event["event"], event["data"]["who"]) for event in one.heard] == [("left", "bob"), ("came", "ada")]


async def test_s3_presence_lists_members_and_listeners(hub: Hub, turn: Turn) -> None:
    member, listener = Ear(turn, "1", "ada"), Ear(turn, "2", "bob")
    hub.add(member)
    hub.subscribe("waves:a", member)
    hub.subscribe("waves:a", listener)
    hub.change_membership("1", Join("waves:a", {"name": "Ada"}))
    assert hub.present("waves:a") == [
        {"name": "Ada", "connection_id": "1", "user_id": "ada"},
        {"connection_id": "2", "user_id": "bob"},
    ]
    assert hub.membership(member) == {"waves:a": {"name": "Ada"}}


async def test_s3_a_member_that_leaves_is_no_member(hub: Hub, turn: Turn) -> None:
    member = Ear(turn, "1")
    hub.add(member)
    hub.change_membership("1", Join("waves:a", {}))
    hub.change_membership("1", Leave("waves:a"))
    assert (hub.present("waves:a"), hub.membership(member)) == ([], {})


async def test_s8_a_connection_s_end_is_told_where_it_was_a_member_and_frees_all(hub: Hub, turn: Turn) -> None:
    member, witness = Ear(turn, "1"), Ear(turn, "2")
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


async def test_a_connection_that_ended_joins_nothing(hub: Hub, turn: Turn) -> None:
    hub.change_membership("gone", Join("waves:a", {}))
    assert hub.present("waves:a") == []
