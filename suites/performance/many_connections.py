"""Many connections at the same time, and commands within what one of them may send."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.outcome import NotAllowed
from bodhisattva.fixtures.request_samples import Call, RequestSamples, Series
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.protocol.event_series import assert_contiguous, receive_series, series_numbers

UNDER_LOAD = 20.0
"""Units within which many clients connect, or receive what they wait for, on a busy machine."""

_ROOM = ("connections", "connections_per_user", "connections_per_address")


async def connect_many(connect: Connect, node: Node, count: int) -> list[WireClient]:
    """`count` welcomed clients that come at once, each with its token in the upgrade.

    NotAllowed if the target claims to admit fewer.
    """
    limits = await node.limits()
    room = min(limits.get(name, count) for name in _ROOM)
    if room < count:
        raise NotAllowed(f"the target admits {room} connections, not {count}")
    headers = {"Authorization": f"Bearer {node.tokens.usual(node.service)}"}
    clients = await asyncio.gather(
        *(connect(node, authenticate=False, headers=headers, within=UNDER_LOAD) for _ in range(count))
    )
    for client in clients:
        client.welcome = await client.event("session.created", within=UNDER_LOAD)
    return list(clients)


async def burst_size(node: Node, most: int, besides: int) -> int:
    """How many commands one connection may send at once after `besides` other messages; at most `most`."""
    free = int((await node.limits())["burst"]) - besides
    if free < 1:
        raise NotAllowed("the target's rate leaves no room for a series of commands")
    return min(most, free)


async def send_pipelined(client: WireClient, calls: Sequence[Call]) -> list[str]:
    """Send commands without waiting for answers; their ids in order, which no other command has."""
    name = uuid.uuid4().hex
    ids = [f"{name}-{number}" for number in range(len(calls))]
    for own, (event, data) in zip(ids, calls, strict=True):
        await client.send({"type": "request", "id": own, "event": event, "data": data})
    return ids


async def responses(client: WireClient, ids: Sequence[str]) -> list[Envelope]:
    """The answers to these requests, each of which must be a response, and one only."""
    replies = [await client.reply(own, UNDER_LOAD) for own in ids]
    refused = [reply for reply in replies if reply.type != "response"]
    assert not refused, f"{len(refused)} of {len(ids)} were refused, first {refused[0]!r}"
    await assert_no_extra_answers(client)
    return replies


async def assert_no_extra_answers(client: WireClient) -> None:
    """No answer has come beyond those that were taken."""
    more = [frame for frame in await client.fence() if frame.type != "event"]
    assert not more, f"more answers than requests: {more[:3]}"


async def assert_received_whole(
    client: WireClient,
    series: Series,
    sample: RequestSamples,
    count: int,
    n: object = 0,
    after: Mapping[str, Any] | None = None,
) -> None:
    """The client receives `count` events of the series: each once, in order, without a gap; and then no more of them.

    after: the answer to the subscription, whose offset the first event follows.
    """
    received = await receive_series(client, series, sample, count, n)
    assert series_numbers(received, series, sample, n) == list(range(count))
    assert_contiguous(received, received[0].offset - 1 if after is None else after["offset"])
    assert len({event.id for event in received}) == len(received), "an event came twice"
    more = series_numbers([frame for frame in await client.fence() if frame.room == series.channel], series, sample, n)
    assert not more, f"more than was recorded: {more}"
