"""Servers that are wrong in who receives an event, when, and in which order."""

import asyncio
from collections.abc import AsyncIterator

from msgspec.structs import replace

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.delivery import catch_up
from bodhisattva.servers.core.delivery.catch_up import CatchUp
from bodhisattva.servers.core.delivery.event_frames import numbered
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.delivery.outbox import Outbox
from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.suites.meta.inject import Inject, mutant

MOST = 100
SERVED_AT_MOST = 40


@mutant(
    "PROTOCOL-059",
    wrong="goes on sending what was missed to a client that has left the channel",
    failure="events after the answer to unsubscribe",
)
def continues_catchup_after_unsubscribe(inject: Inject) -> None:
    unsubscribe = Connection.unsubscribe
    frames = CatchUp.frames

    async def all_at_once(catch_up: CatchUp, channel: str, after: int) -> AsyncIterator[bytes]:
        for frame in [frame async for frame in frames(catch_up, channel, after)]:
            yield frame

    def unsubscribe_live(connection: Connection, channel: str) -> None:
        task = connection._catching_up.pop(channel, None)
        unsubscribe(connection, channel)
        if task is not None:
            connection._catching_up[channel] = task

    inject(CatchUp, "frames", all_at_once)
    inject(Connection, "unsubscribe", unsubscribe_live)


@mutant(
    "PROTOCOL-041",
    wrong="sends what a client has missed with the newest event first",
    failure="came offsets",
    also=("PROTOCOL-043",),
)
def replays_in_reverse_order(inject: Inject) -> None:
    frames = CatchUp.frames

    async def newest_first(catch_up: CatchUp, channel: str, after: int) -> AsyncIterator[bytes]:
        for frame in reversed([frame async for frame in frames(catch_up, channel, after)]):
            yield frame

    inject(CatchUp, "frames", newest_first)


@mutant(
    "PERFORMANCE-005",
    wrong="sends a client that comes back no more than a hundred of the events that it has missed",
    failure="in vain for event",
)
def replays_a_hundred_events_at_most(inject: Inject) -> None:
    frames = CatchUp.frames

    async def some_frames(catch_up: CatchUp, channel: str, after: int) -> AsyncIterator[bytes]:
        sent = 0
        async for frame in frames(catch_up, channel, after):
            sent += 1
            if sent > MOST:
                return
            yield frame

    inject(CatchUp, "frames", some_frames)


@mutant(
    "PROTOCOL-044", wrong="sends every second event on its own channels only, not on global", failure="came offsets"
)
def keeps_events_from_global(inject: Inject) -> None:
    push = Hub._push
    passed = [0]

    def push_by_turns(hub: Hub, channel: str, frame: bytes) -> None:
        passed[0] += channel == GLOBAL
        if channel != GLOBAL or passed[0] % 2:
            push(hub, channel, frame)

    inject(Hub, "_push", push_by_turns)


@mutant("PERFORMANCE-002", wrong="sends events that were committed together in reverse order", failure="== [0, 1, 2, 3")
def reverses_events_of_one_commit(inject: Inject) -> None:
    together: dict[str, list[tuple[bytes, list[Outbox]]]] = {}

    def push_later(hub: Hub, channel: str, frame: bytes) -> None:
        batch = together.setdefault(channel, [])
        batch.append((frame, list(hub._receivers[channel])))
        if len(batch) == 1:
            asyncio.get_running_loop().call_soon(push_reversed, channel)

    def push_reversed(channel: str) -> None:
        for frame, outboxes in reversed(together.pop(channel)):
            for outbox in outboxes:
                outbox.push(frame)

    inject(Hub, "_push", push_later)


@mutant(
    "PROTOCOL-046",
    wrong="spares a subscriber of two channels the event on global that it had on its own",
    failure="== []",
)
def sends_an_event_on_one_channel_only(inject: Inject) -> None:
    push = Hub._push

    def push_once(hub: Hub, channel: str, frame: bytes) -> None:
        receivers = hub._receivers[channel]
        if channel == GLOBAL:
            hub._receivers[channel] = {
                outbox: receiver
                for outbox, receiver in receivers.items()
                if not (isinstance(receiver, Connection) and receiver.channels - {GLOBAL})
            }
        push(hub, channel, frame)
        hub._receivers[channel] = receivers

    inject(Hub, "_push", push_once)


@mutant(
    "PERFORMANCE-001",
    wrong="sends each event to the first forty of a channel's subscribers only",
    failure="in vain for event",
    also=("PERFORMANCE-002",),
)
def serves_forty_at_most(inject: Inject) -> None:
    push = Hub._push

    def push_to_some(hub: Hub, channel: str, frame: bytes) -> None:
        receivers = hub._receivers[channel]
        hub._receivers[channel] = dict(list(receivers.items())[:SERVED_AT_MOST])
        push(hub, channel, frame)
        hub._receivers[channel] = receivers

    inject(Hub, "_push", push_to_some)


@mutant(
    "DEGRADATION-010",
    wrong="sends nothing more on a channel once the connection of a subscriber has broken",
    failure="in vain for event",
)
def stops_broadcasts_at_a_broken_connection(inject: Inject) -> None:
    push = Hub._push
    release = Connection._release
    broken: set[str] = set()

    def push_unless_broken(hub: Hub, channel: str, frame: bytes) -> None:
        if channel not in broken:
            push(hub, channel, frame)

    def release_and_break(connection: Connection) -> None:
        if not connection._websocket._validator.closed:
            receivers = connection._hub._receivers
            broken.update(channel for channel in connection.channels if len(receivers[channel]) > 1)
        release(connection)

    inject(Hub, "_push", push_unless_broken)
    inject(Connection, "_release", release_and_break)


@mutant("PROTOCOL-047", wrong="sends ephemeral events on global too", failure="delivered twice, or on global")
def sends_ephemeral_events_on_global(inject: Inject) -> None:
    deliver = Hub.deliver_ephemeral

    def deliver_everywhere(hub: Hub, event: Event) -> None:
        deliver(hub, Event(event.name, (*event.channels, GLOBAL), event.data))

    inject(Hub, "deliver_ephemeral", deliver_everywhere)


@mutant("PROTOCOL-048", wrong="gives a replayed event the time at which it is replayed", failure="At index 0 diff")
def dates_replayed_events_anew(inject: Inject) -> None:
    def numbered_now(event: StoredEvent, channel: str, offset: int, epoch: str) -> bytes:
        return numbered(replace(event, at=envelope.timestamp()), channel, offset, epoch)

    inject(catch_up, "numbered", numbered_now)


@mutant("PROTOCOL-048", wrong="gives a replayed event an id of its own", failure="At index 0 diff")
def gives_replayed_events_new_ids(inject: Inject) -> None:
    def numbered_anew(event: StoredEvent, channel: str, offset: int, epoch: str) -> bytes:
        return numbered(replace(event, id=envelope.fresh_id()), channel, offset, epoch)

    inject(catch_up, "numbered", numbered_anew)
