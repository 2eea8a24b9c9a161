"""Messages that are malformed, of the wrong kind or without a receiver (1)."""

import json

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node

NO_ENVELOPES = (
    "",
    " ",
    "null",
    "true",
    "42",
    '"request"',
    "[]",
    '[{"type": "request", "id": "a", "event": "ping"}]',
    "{}",
    '{"id": "a", "event": "ping"}',
    '{"type": 7, "id": "a", "event": "ping"}',
    '{"type": null}',
    '{"type": "request", "id": 7, "event": "ping"}',
    '{"type": "request", "id": "a", "event": ["ping"]}',
    '{"type": "request", "id": "a", "event": "ping", "data": []}',
    '{"type": "request", "id": "a", "event": "ping", "data": "text"}',
    '{"type": "request", "id": "a", "event": "ping", "correlation_id": {}}',
    '{"type": "request", "id": "a", "event": "ping", "timestamp": 7}',
)
JUNK = (
    "{",
    '{"type": "request"',
    '{"type": "request",}',
    '{"type": "request"} {"type": "request"}',
    "{'type': 'request'}",
    '{"type": "request", "data": {"n": NaN}}',
    '{"type": "request", "data": {"n": Infinity}}',
    '{"type": "request", "data": {"n": 1e}}',
    '{"type": "request", "event": "\x01"}',
    '{"type": "request", "event": "\\x"}',
    '{"type": "request", "event": "\\ud800"}',
    "\ufeff{",
    "\x00" * 100,
    "GET / HTTP/1.1\r\n\r\n",
    "<envelope/>",
    '"' * 1001,
)


@clause(
    "PROTOCOL-020",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="Text that is no JSON object, or an envelope of wrong types, is DECODE_ERROR; the connection goes on.",
)
async def test_wrong_envelope_is_decode_error(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    for text in NO_ENVELOPES:
        await client.send(text)
        arrived = await client.fence()
        codes = [(e.type, e.error_code, e.event) for e in arrived]
        assert codes == [("error", "DECODE_ERROR", None)], f"{text!r} was answered with {codes}"
    await client.answer(*sample.command())


@clause(
    "PROTOCOL-021",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="Junk is answered DECODE_ERROR, each piece once, and what follows it is handled as ever.",
)
async def test_junk_is_decode_error(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    for text in JUNK:
        await client.send(text)
    errors = [e.error_code for e in await client.fence()]
    assert errors == ["DECODE_ERROR"] * len(JUNK)
    await client.answer(*sample.command())
    sample.readback().check(await client.answer(*sample.readback().call))


@clause(
    "PROTOCOL-022",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="A binary frame ends the connection with close code 1003, even if a proper envelope is in it.",
)
async def test_binary_frame_closes_1003(connect: Connect, node: Node) -> None:
    for payload in (b"\x00\x01\x02", json.dumps({"type": "request", "id": "a", "event": "ping"}).encode()):
        client = await connect()
        await client.send(payload)
        assert (await client.closed()).code == 1003
        assert not client.inbox, f"a binary frame was answered: {client.inbox}"


@clause(
    "PROTOCOL-023",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="A type that a server does not take is answered INVALID_MESSAGE, correlated; the connection goes on.",
)
async def test_unknown_type_is_invalid_message(connect: Connect, node: Node) -> None:
    client = await connect()
    for kind in ("response", "error", "pong", "command", "", "REQUEST", "request "):
        await client.send({"type": kind, "id": f"of {kind}", "event": "ping", "data": {}})
        reply = await client.reply(f"of {kind}")
        assert reply.error_code == "INVALID_MESSAGE", f"type {kind!r}: {reply!r}"
    assert not await client.fence()


@clause(
    "PROTOCOL-024",
    level="MUST",
    section="3",
    feature="core",
    profile="core",
    text="A request of a name that the service does not have is answered UNKNOWN_REQUEST.",
)
async def test_unknown_request(connect: Connect, node: Node) -> None:
    client = await connect(permissions=["admin"])
    for name in ("no_such_request", "PING", "ping ", "__class__", "handle", "auth.token", "a" * 5000):
        reply = await client.request(name)
        assert reply.error_code == "UNKNOWN_REQUEST", f"{name[:50]!r}: {reply!r}"


@clause(
    "PROTOCOL-025",
    level="MUST",
    section="4",
    feature="core",
    profile="core",
    text="JSON that is nested more deeply than the claimed limit is DECODE_ERROR, up to the limit it is read.",
)
async def test_nesting_is_bounded(connect: Connect, node: Node) -> None:
    client = await connect()
    nesting = (await node.limits())["nesting"]
    for depth in (nesting + 1, 100 * nesting):
        await client.send(_nested(depth))
        assert [e.error_code for e in await client.fence()] == ["DECODE_ERROR"], f"{depth} levels"
    await client.send(_nested(nesting))
    assert (await client.reply("deep")).type == "pong", f"{nesting} levels were refused"


def _nested(levels: int) -> str:
    """A ping whose JSON is nested that deeply (the envelope and its data are two of the levels), and wide besides."""
    inner = levels - 2
    beside = "[" + ",".join(["{}"] * 100) + "]"
    return (
        '{"type":"request","id":"deep","event":"ping","data":{"x":'
        + "[" * inner
        + "]" * inner
        + f',"y":{beside}'
        + "}}"
    )


@clause(
    "PROTOCOL-026",
    level="MUST",
    section="4",
    feature="core",
    profile="core",
    text="A message of the claimed size is taken, one that is a byte longer ends its connection with 1009.",
)
@pytest.mark.parametrize("excess", [0, 1])
async def test_message_size_is_bounded(connect: Connect, node: Node, excess: int) -> None:
    client = await connect()
    empty = json.dumps({"type": "request", "id": "big", "event": "ping", "data": {"x": ""}})
    size = (await node.limits())["message_bytes"] + excess
    await client.send(empty.replace('""', f'"{"x" * (size - len(empty))}"'))
    if excess:
        assert (await client.closed(within=10)).code == 1009
        assert not client.inbox, "a message over the limit was answered"
    else:
        assert (await client.reply("big", within=10)).type == "pong"
        assert client.ended is None
