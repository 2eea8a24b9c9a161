"""Fan-out and presence."""

from typing import Any

import msgspec
import pytest

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.delivery.write_batch import WriteBatch
from bodhisattva.servers.core.domain import Event, Join, Leave
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.tests.ledger import LEDGER
from bodhisattva.servers.tests.recording_receiver import RecordingReceiver


def stored(seq: int, *channels: tuple[str, int]) -> StoredEvent:
    return StoredEvent(seq, f"e{seq}", "posted", "t", channels, msgspec.Raw(b'{"n":%d}' % seq))


@pytest.fixture
def batch() -> WriteBatch:
    return WriteBatch(lambda: 1000)


@pytest.fixture
def hub(batch: WriteBatch) -> Hub:
    hub = Hub(LEDGER, Metrics("ledger", "ledger-server"), batch)
    hub.epoch = "E"
    return hub


async def test_s5_subscribers_receive_their_channel_with_its_own_offset(hub: Hub, batch: WriteBatch) -> None:
    one, everything, other = RecordingReceiver(batch, "1"), RecordingReceiver(batch, "2"), RecordingReceiver(batch, "3")
    hub.subscribe("account:a", one)
    hub.subscribe("global", everything)
    hub.subscribe("account:b", other)
    hub.publish(stored(7, ("account:a", 3)))
    assert [(e["room"], e["offset"], e["epoch"], e["id"]) for e in one.received] == [("account:a", 3, "E", "e7")]
    assert [(e["room"], e["offset"]) for e in everything.received] == [("global", 7)]
    assert other.received == []


async def test_each_event_is_encoded_once_per_channel(
    hub: Hub, batch: WriteBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    encode = envelope.numbered_event

    def counting(*arguments: Any, **names: Any) -> bytes:
        made.append(names["room"])
        return encode(*arguments, **names)

    monkeypatch.setattr(envelope, "numbered_event", counting)
    receivers = [RecordingReceiver(batch, str(n)) for n in range(50)]
    for receiver in receivers:
        hub.subscribe("account:a", receiver)
    hub.publish(stored(1, ("account:a", 1), ("account:nobody", 1)))
    assert made == ["account:a"]
    batch.flush()
    assert all(receiver.writes[0] is receivers[0].writes[0] for receiver in receivers)


async def test_an_unsubscribed_connection_receives_nothing_and_leaves_no_group(hub: Hub, batch: WriteBatch) -> None:
    one = RecordingReceiver(batch, "1")
    hub.subscribe("account:a", one)
    hub.unsubscribe("account:a", one)
    hub.unsubscribe("account:a", one)
    hub.publish(stored(1, ("account:a", 1)))
    assert (one.received, dict(hub._receivers)) == ([], {})


async def test_s5_a_subscription_that_changes_within_a_batch_has_the_events_of_its_time(
    hub: Hub, batch: WriteBatch
) -> None:
    stays, comes, goes = RecordingReceiver(batch, "1"), RecordingReceiver(batch, "2"), RecordingReceiver(batch, "3")
    hub.subscribe("account:a", stays)
    hub.subscribe("account:a", goes)
    hub.publish(stored(1, ("account:a", 1)))
    hub.unsubscribe("account:a", goes)
    hub.subscribe("account:a", comes)
    hub.publish(stored(2, ("account:a", 2)))
    assert [[event["offset"] for event in receiver.received] for receiver in (stays, goes, comes)] == [[1, 2], [1], [2]]


async def test_s5_events_of_several_channels_come_in_the_order_of_the_log(hub: Hub, batch: WriteBatch) -> None:
    both = RecordingReceiver(batch, "1")
    for channel in ("account:a", "global"):
        hub.subscribe(channel, both)
    for seq in (1, 2):
        hub.publish(stored(seq, ("account:a", seq)))
    assert [(event["room"], event["offset"]) for event in both.received] == [
        ("account:a", 1), ("global", 1), ("account:a", 2), ("global", 2)
    ]  # fmt: skip


async def test_s5_ephemeral_events_have_no_offset(hub: Hub, batch: WriteBatch) -> None:
    one = RecordingReceiver(batch, "1")
    hub.subscribe("waves:a", one)
    hub.publish_ephemeral(Event("waved", ("waves:a",), {"by": "ada"}))
    (event,) = one.received
    assert (event["event"], event["room"], event["data"]) == ("waved", "waves:a", {"by": "ada"})
    assert not {"offset", "epoch"} & event.keys()


async def test_s5_an_event_with_a_coalesce_key_supersedes_an_unsent_one(hub: Hub, batch: WriteBatch) -> None:
    one = RecordingReceiver(batch, "1")
    hub.subscribe("waves:a", one)
    for number in range(2):
        hub.publish_ephemeral(Event("waved", ("waves:a",), {"number": number}))
    for number in range(2, 4):
        hub.publish_ephemeral(Event("waved", ("waves:a",), {"number": number}, coalesce_key="ada"))
    assert [event["data"]["number"] for event in one.received] == [0, 1, 3]


async def test_s5_of_events_with_one_coalesce_key_and_several_names_only_the_newest_is_sent(
    hub: Hub, batch: WriteBatch
) -> None:
    one = RecordingReceiver(batch, "1")
    hub.subscribe("waves:a", one)
    for name, key in (("came", "ada"), ("came", "bob"), ("left", "ada"), ("left", "bob"), ("came", "ada")):
        hub.publish_ephemeral(Event(name, ("waves:a",), {"who": key}, coalesce_key=key))
    assert [(event["event"], event["data"]["who"]) for event in one.received] == [("left", "bob"), ("came", "ada")]


async def test_s3_presence_lists_members_and_subscribers(hub: Hub, batch: WriteBatch) -> None:
    member, subscriber = RecordingReceiver(batch, "1", "ada"), RecordingReceiver(batch, "2", "bob")
    hub.add(member)
    hub.subscribe("waves:a", member)
    hub.subscribe("waves:a", subscriber)
    hub.change_membership("1", Join("waves:a", {"name": "Ada"}))
    assert hub.present("waves:a") == [
        {"name": "Ada", "connection_id": "1", "user_id": "ada"},
        {"connection_id": "2", "user_id": "bob"},
    ]
    assert hub.membership(member) == {"waves:a": {"name": "Ada"}}


async def test_s3_a_member_that_leaves_is_no_member(hub: Hub, batch: WriteBatch) -> None:
    member = RecordingReceiver(batch, "1")
    hub.add(member)
    hub.change_membership("1", Join("waves:a", {}))
    hub.change_membership("1", Leave("waves:a"))
    assert (hub.present("waves:a"), hub.membership(member)) == ([], {})


async def test_s8_a_connection_s_end_is_announced_where_it_was_a_member_and_frees_all(
    hub: Hub, batch: WriteBatch
) -> None:
    member, witness = RecordingReceiver(batch, "1"), RecordingReceiver(batch, "2")
    for receiver in (member, witness):
        hub.add(receiver)
        hub.subscribe("waves:a", receiver)
    hub.change_membership("1", Join("waves:a", {"name": "Ada"}))
    hub.unsubscribe("waves:a", member)
    hub.remove(member)
    assert [(e["event"], e["data"]) for e in witness.received] == [("left", {"name": "Ada"})]
    hub.unsubscribe("waves:a", witness)
    hub.remove(witness)
    assert not any((hub._connections, hub._receivers, hub._members, hub._joined))


async def test_a_connection_that_ended_joins_nothing(hub: Hub, batch: WriteBatch) -> None:
    hub.change_membership("gone", Join("waves:a", {}))
    assert hub.present("waves:a") == []
