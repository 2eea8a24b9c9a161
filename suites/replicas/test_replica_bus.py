"""Ephemeral events and members are known at every replica (3, 5)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node


@clause(
    "REPLICAS-007",
    level="MUST",
    section="3",
    feature="replicas",
    profile="scaled",
    text="The members of a channel are shown whichever replica they are connected to and whichever gets the query, "
    "as long as they are there.",
)
async def test_members_of_all_replicas(node: Node, other: Node, connect: Connect, sample: RequestSamples) -> None:
    channel = sample.channel()
    one, two = await connect(node, user="one"), await connect(other, user="two")
    for client in (one, two):
        await client.subscribe(channel)
    for client in (one, two):
        members = (await client.answer("presence", {"channel": channel})).data["members"]
        assert {member["user_id"] for member in members} >= {"one", "two"}, f"members: {members}"
    await two.abort()

    async def alone() -> bool:
        members = (await one.answer("presence", {"channel": channel})).data["members"]
        return "two" not in {member["user_id"] for member in members}

    await eventually(alone, "the member who left to be gone")


@clause(
    "REPLICAS-008",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="Ephemeral events reach the subscribers of every replica.",
    services=("excalidraw",),
)
async def test_cursors_of_all_replicas(node: Node, other: Node, connect: Connect, sample: RequestSamples) -> None:
    ephemeral = sample.ephemeral()
    assert ephemeral is not None
    mover, watcher = await connect(node), await connect(other)
    for call in ephemeral.setup:
        await mover.answer(*call)
    await watcher.subscribe(ephemeral.channel)
    await mover.answer(*ephemeral.call)
    event = await watcher.event(ephemeral.event, room=ephemeral.channel)
    assert event.offset is None
