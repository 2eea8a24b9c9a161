"""SIGHUP, and a changed configuration, under live connections (7)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import PATIENCE, eventually
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens, new_secret
from bodhisattva.fixtures.wire import WireClient


def ping_of(size: int) -> str:
    ping = '{"type": "ping", "id": "long"}'
    return ping + " " * (size - len(ping))


async def claims(node: Node, limit: str, value: int, what: str = "the new limit", within: float = PATIENCE) -> None:
    """Wait until the service claims a limit."""

    async def claimed() -> bool:
        return bool((await node.limits())[limit] == value)

    await eventually(claimed, f"{what} is claimed", within)


@clause(
    "LIFECYCLE-015",
    level="MUST",
    section="7",
    feature="reload",
    profile="operable",
    text="A reload that finds a broken configuration changes nothing and is logged, and the service goes on.",
)
async def test_reload_of_broken_configuration_changes_nothing(
    fresh: Fresh, connect: Connect, sample: RequestSamples
) -> None:
    node = await fresh()
    client = await connect(node)
    before = await node.limits()
    await node.configure(colour="blue", limits={"channels": 1})
    await node.reload()

    async def is_logged() -> bool:
        return "colour" in await node.log()

    await eventually(is_logged, "the log names the broken setting")
    assert await node.limits() == before
    for channel in (sample.channel(), "global"):
        await client.subscribe(channel)  # which is one more than the refused limit
    await client.answer(*sample.command())
    again = await connect(node)
    sample.readback().check(await again.answer(*sample.readback().call))


@clause(
    "LIFECYCLE-016",
    level="MUST",
    section="7",
    feature="reload",
    profile="operable",
    text="SIGHUP puts new limits in force, and drops no connection.",
)
async def test_reload_changes_limits(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh()
    before = await connect(node)
    await before.subscribe(sample.channel())
    await node.configure(limits={"channels": 1})
    await node.reload()
    await claims(node, "channels", 1)
    after = await connect(node)
    await after.subscribe(sample.channel())
    refusal = await after.refusal("subscribe", {"channel": "global"})
    assert refusal.error_code == "LIMIT_EXCEEDED"
    await after.answer(*sample.command())
    await before.event(sample.event, sample.channel(), where=sample.concerns)


@clause(
    "LIFECYCLE-023",
    level="MUST",
    section="7",
    feature="reload",
    profile="operable",
    text="A changed configuration file is taken up without a signal, and no connection is dropped.",
)
async def test_changed_configuration_is_taken_up(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh()
    client = await connect(node)
    await client.subscribe(sample.channel())
    await node.configure(limits={"channels": 1})
    await claims(node, "channels", 1, "the changed limit", within=15)
    assert (await client.refusal("subscribe", {"channel": "global"})).error_code == "LIMIT_EXCEEDED"


@clause(
    "LIFECYCLE-022",
    level="MUST",
    section="7",
    feature="reload",
    profile="operable",
    text="A message size that a reload puts in force holds for the connections that are there, too.",
)
async def test_reload_changes_message_size(fresh: Fresh, connect: Connect) -> None:
    node = await fresh(limits={"message_bytes": 4000})
    client = await connect(node)

    async def put_in_force(size: int) -> None:
        await node.configure(limits={"message_bytes": size})
        await node.reload()
        await claims(node, "message_bytes", size)

    await put_in_force(8000)
    await client.send(ping_of(8000))
    assert (await client.reply("long")).type == "pong"
    await put_in_force(6000)
    await client.send(ping_of(6001))
    assert (await client.closed()).code == 1009


@clause(
    "LIFECYCLE-017",
    level="MUST",
    section="7",
    feature="reload",
    profile="operable",
    text="SIGHUP puts a new secret in force for new connections, and drops no connection of the old one.",
)
async def test_reload_changes_secret(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh()
    before = await connect(node)
    renewed = Tokens(new_secret())
    await node.configure(tokens={"secret": renewed.secret})
    await node.reload()

    async def accepted() -> WireClient | None:
        client = await connect(node, authenticate=False)
        reply = await client.request("auth", {"token": renewed.usual(node.service)})
        return client if reply.type == "response" else None

    after = await eventually(accepted, "a token of the new secret is accepted")
    await after.answer(*sample.command())
    old = await connect(node, authenticate=False)
    assert (await old.refusal("auth", {"token": node.tokens.usual(node.service)})).error_code == "AUTH_FAILED"
    sample.readback().check(await before.answer(*sample.readback().call))
