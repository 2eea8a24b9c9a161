"""What one message may cost a service (4), whatever it holds."""

import json
import time

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.outcome import Unsupported
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.degradation.stalled_reader import HIGH_MESSAGE_RATE

ROUNDS = 5
DEARER = 10  # times what a harmless message of the same size takes
LEVELS = 60
DENSE = {
    "nested lists": "[" * LEVELS + "]" * LEVELS,
    "empty lists": "[]",
    "empty objects": "{}",
    "empty strings": '""',
    "numbers": "1",
}


async def claimed(node: Node, limit: str) -> int:
    """A limit that the service claims; Unsupported if it claims none of this name."""
    limits = await node.limits()
    if limit not in limits:
        raise Unsupported(f"{node.service} claims no limit '{limit}'")
    return int(limits[limit])


@clause(
    "SECURITY-200",
    level="MUST",
    section="4",
    feature="auth",
    profile="secure",
    text="A message before authentication is read up to its own claimed size; one that is a byte longer is "
    "AUTH_REQUIRED, whatever it holds.",
)
async def test_first_message_is_bounded(connect: Connect, node: Node) -> None:
    size = await claimed(node, "first_message_bytes")
    for excess in (0, 1):
        client = await connect(authenticate=False)
        message = {"type": "request", "id": "first", "event": "auth", "data": {"token": "x", "more": ""}}
        empty = json.dumps(message)
        await client.send(empty.replace('"more": ""', f'"more": "{"x" * (size + excess - len(empty))}"'))
        assert (await client.closed()).code == 1008
        expected = "AUTH_REQUIRED" if excess else "AUTH_FAILED"
        assert [answer.error_code for answer in client.inbox] == [expected], f"of {size + excess} bytes"


@clause(
    "SECURITY-201",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="A message with more JSON values than the claimed limit is DECODE_ERROR, up to the limit it is read; commas "
    "and brackets within strings do not count.",
)
async def test_values_are_bounded(connect: Connect, node: Node) -> None:
    allowed = await claimed(node, "values")
    size = (await node.limits())["message_bytes"]
    client = await connect()
    await client.send(_ping("[" + "1," * allowed + "1]", size))
    assert [e.error_code for e in await client.fence()] == ["DECODE_ERROR"], f"more than {allowed} values were read"
    for data in ("[" + "1," * (allowed // 2) + "1]", '"' + "[,{" * allowed + '"'):
        await client.send(_ping(data, size))
        assert (await client.reply("ping")).type == "pong", f"fewer than {allowed} values were refused"


@clause(
    "SECURITY-202",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="What a message holds makes it no dearer by more than a small factor: neither nesting nor many values nor "
    "many strings.",
)
async def test_content_makes_no_message_dear(connect: Connect, fresh: Fresh) -> None:
    node = await fresh(limits=HIGH_MESSAGE_RATE)
    size = (await node.limits())["message_bytes"]
    client = await connect(node)
    room = size - len(_ping("", size))
    usual = await _quickest(client, _ping('"' + "x" * (room - 2) + '"', size))
    for name, item in DENSE.items():
        count = (room - 2) // (len(item) + 1)
        taken = await _quickest(client, _ping("[" + ",".join([item] * count) + "]", size))
        assert taken <= DEARER * usual, f"{name}: {taken / usual:.0f} times as long as a harmless message"


async def _quickest(client: WireClient, message: str) -> float:
    """Seconds until a message is answered, by a response or a refusal: the least of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.monotonic()
        await client.send(message)
        await client.request("ping")
        taken.append(time.monotonic() - begun)
    return min(taken)


def _ping(data: str, most: int) -> str:
    message = '{"type":"request","id":"ping","event":"ping","data":{"x":' + data + "}}"
    assert len(message) <= most, "this sample is too large for the service"
    return message
