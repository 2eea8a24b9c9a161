"""The published client stays connected, and comes back by itself when it was cut (4, 7)."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually, units
from bodhisattva.fixtures.fixture_types import AllowTime, Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import START_BOUND, Node
from bodhisattva.suites.interop.client_factories import OpenPublished

# Its own delays are a second, doubled to a minute, five times over.
EAGER: dict[str, Any] = {"reconnect": True, "initial_delay": 0.1, "max_delay": 0.5, "max_retries": 200}


async def _comes_back(
    node: Node, cut: Callable[[], Awaitable[None]], published: OpenPublished, connect: Connect, sample: RequestSamples
) -> None:
    """Subscribe, cut, and see it authenticated and hearing again, with what it wrote before still there.

    It joins its rooms again but requests nothing that it missed there: it keeps no offset.
    """
    client = await published(node, handle=[sample.event], **EAGER)
    await client.subscribe(sample.channel(1))
    await client.answer(*sample.command(0))
    first = await client.state()
    await cut()
    await client.logged("Reconnected to", START_BOUND)
    state = await client.state()
    assert (state["connected"], state["authenticated"]) == (True, True)
    assert state["connection"] != first["connection"]
    sample.readback(0).check(await client.answer(*sample.readback(0).call))
    writer = await connect(node)
    await writer.answer(*sample.command(1))
    await client.wait_for_event(sample.event, lambda e: sample.concerns(e, 1))
    await client.fence()
    assert len(await client.received(sample.event, lambda e: sample.concerns(e, 1))) == 1


@clause(
    "INTEROP-030",
    level="MUST",
    section="7",
    feature="drain",
    profile="interop",
    text="A published client that is to reconnect does so after its service was stopped and started: it "
    "authenticates again, and gets the events of its rooms again.",
)
async def test_reconnects_after_a_stop(
    fresh: Fresh, published: OpenPublished, connect: Connect, sample: RequestSamples
) -> None:
    node = await fresh()
    await _comes_back(node, node.restart, published, connect, sample)


@clause(
    "INTEROP-031",
    level="MUST",
    section="7",
    feature="core",
    profile="interop",
    text="A published client that is to reconnect does so after kill -9 and a new start of its service.",
)
async def test_reconnects_after_a_kill(
    fresh: Fresh, published: OpenPublished, connect: Connect, sample: RequestSamples
) -> None:
    node = await fresh()
    await _comes_back(node, lambda: node.restart(kill=True), published, connect, sample)


@clause(
    "INTEROP-032",
    level="MUST",
    section="4",
    feature="core",
    profile="interop",
    text="A published client that sends nothing for longer than a ping's interval and timeout keeps its connection.",
)
async def test_stays_while_idle(
    node: Node, published: OpenPublished, sample: RequestSamples, allow_time: AllowTime
) -> None:
    limits = await node.limits()
    allow_time(limits["ping_interval"] + limits["ping_timeout"])
    client = await published()
    before = await client.state()
    end = time.monotonic() + limits["ping_interval"] + limits["ping_timeout"] + units(1)
    await eventually(lambda: time.monotonic() > end, "a ping would be overdue", end - time.monotonic() + 1, every=0.2)
    assert await client.state() == before
    await client.answer(*sample.command())
    assert await client.warnings() == []
