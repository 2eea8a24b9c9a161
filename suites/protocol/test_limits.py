"""The limits for one client of a service (2.2, 4)."""

import time

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient

DEFAULTS = {
    "connections": 1000,
    "pending_connections": 1000,
    "messages_per_second": 100,
    "burst": 150,
    "rate_patience": 10,
    "channels": 1000,
    "message_bytes": 1024 * 1024,
    "nesting": 64,
    "ping_interval": 20,
    "ping_timeout": 20,
    "auth_timeout": 5,
    "drain_timeout": 10,
    "deduplication_window": 600,
    "expiry_warning": 60,
    "max_token_lifetime": 3600,
}
SLOW_RATE = {"messages_per_second": 2, "burst_factor": 5, "rate_patience": 1}


async def flood(client: WireClient, count: int) -> list[Envelope]:
    """The answers to pings sent without a pause."""
    for n in range(count):
        await client.send({"type": "request", "id": f"p{n}", "event": "ping"})
    return [await client.reply(f"p{n}") for n in range(count)]


@clause(
    "PROTOCOL-060",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="Messages over the rate are RATE_LIMIT_EXCEEDED with retry_after and not executed; after that time one is.",
)
async def test_rate_is_limited(connect: Connect, fresh: Fresh, sample: RequestSamples) -> None:
    node = await fresh(limits={**SLOW_RATE, "rate_patience": 30})
    client, other = await connect(node), await connect(node)
    answers = await flood(client, 15)
    taken = [answer for answer in answers if answer.type == "pong"]
    assert 8 <= len(taken) < 15, f"{len(taken)} of 15 messages were taken"
    refused = await client.refusal(*sample.command())
    assert refused.error_code == "RATE_LIMIT_EXCEEDED"
    wait = refused.data["retry_after"]
    assert 0 < wait <= 1
    assert (await other.refusal(*sample.readback().call)).error_code == "NOT_FOUND", "a dropped command was executed"
    over = time.monotonic() + wait + 0.05
    await eventually(lambda: time.monotonic() > over, "the end of retry_after")
    await client.answer(*sample.command())


@clause(
    "PROTOCOL-061",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="A client that keeps on over the rate is closed 1008; others on the service are not.",
)
async def test_keeping_on_over_the_rate_closes(connect: Connect, fresh: Fresh) -> None:
    node = await fresh(limits=SLOW_RATE)
    client, other = await connect(node), await connect(node)

    async def keep_on() -> bool:
        if client.ended is None:
            await client.send("junk counts too")
        return client.ended is not None

    await eventually(keep_on, "the close of a client that keeps on", within=10)
    assert (await client.closed()).code == 1008
    assert "RATE_LIMIT_EXCEEDED" in {e.error_code for e in client.inbox}
    assert (await other.request("ping")).type == "pong"


@clause(
    "PROTOCOL-062",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="One channel too many is LIMIT_EXCEEDED with the limit; a channel that is left makes room.",
)
async def test_channels_are_limited(connect: Connect, fresh: Fresh, sample: RequestSamples) -> None:
    node = await fresh(limits={"channels": 1})
    client = await connect(node)
    channel = sample.channel()
    await client.subscribe(channel)
    refused = await client.refusal("subscribe", {"channel": "global"})
    assert (refused.error_code, refused.data.get("limit")) == ("LIMIT_EXCEEDED", 1)
    await client.subscribe(channel)
    await client.answer("unsubscribe", {"channel": channel})
    await client.subscribe("global")


@clause(
    "PROTOCOL-063",
    level="MUST",
    section="2.2",
    feature="core",
    profile="secure",
    text="A connection over the capacity of the service, or over that of its address, is closed 1013.",
)
async def test_connections_are_limited(connect: Connect, fresh: Fresh) -> None:
    for limit in ("connections", "connections_per_address"):
        node = await fresh(limits={limit: 2})
        first, _ = await connect(node), await connect(node)
        extra = await connect(node, authenticate=False)
        assert (await extra.closed()).code == 1013, f"over {limit}"
        assert (await first.request("ping")).type == "pong"
        await first.close()
        await eventually(lambda node=node: _admitted(connect, node), "room after a close")  # type: ignore[misc]


@clause(
    "PROTOCOL-064",
    level="MUST",
    section="2.2",
    feature="auth",
    profile="secure",
    text="A user's connection over the number that one user may have is closed 1013, however it authenticates; another "
    "user's is not.",
)
async def test_connections_of_a_user_are_limited(connect: Connect, fresh: Fresh) -> None:
    node = await fresh(limits={"connections_per_user": 1})
    first = await connect(node, user="ann")
    extra = await connect(node, authenticate=False)
    await extra.send({"type": "request", "id": "a", "event": "auth", "data": {"token": node.tokens.valid("ann")}})
    assert (await extra.closed()).code == 1013
    bearer = {"Authorization": f"Bearer {node.tokens.valid('ann')}"}
    extra = await connect(node, authenticate=False, headers=bearer)
    assert (await extra.closed()).code == 1013
    assert not extra.inbox, f"one too many, and received {extra.inbox}"
    await connect(node, user="bob")
    assert (await first.request("ping")).type == "pong"


@clause(
    "PROTOCOL-065",
    level="MUST",
    section="4",
    feature="core",
    profile="operable",
    text="A service without configured limits has those of the protocol.",
)
async def test_limits_have_defaults(fresh: Fresh) -> None:
    node = await fresh(limits=None, timeouts=None, tokens={"expiry_warning": None})
    claimed = await node.limits()
    assert {name: claimed[name] for name in DEFAULTS} == DEFAULTS


async def _admitted(connect: Connect, node: Node) -> bool:
    client = await connect(node, authenticate=False)
    reply = await client.request("auth", {"token": node.tokens.usual(node.service)}) if not client.ended else None
    return reply is not None and reply.type == "response"
