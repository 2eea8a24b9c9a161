"""The end of a connection that its client wants (7)."""

import json

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Raw
from bodhisattva.fixtures.frames import Opcode, close_payload, encode
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node


@clause(
    "LIFECYCLE-021",
    level="MUST",
    section="7",
    feature="core",
    profile="core",
    text="A client's close is answered with its own code, and nothing that it sends after it is done.",
)
@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_close_is_answered_with_its_code(
    raw: Raw, connect: Connect, node: Node, sample: RequestSamples, code: int
) -> None:
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    event, data = sample.command()
    late = json.dumps({"type": "request", "id": sample.key("late"), "event": event, "data": data}).encode()
    await peer.send(encode(Opcode.CLOSE, close_payload(code, "done")) + encode(Opcode.TEXT, late))
    assert (await peer.closed()).code == code
    client = await connect()
    assert (await client.refusal(*sample.readback().call)).error_code == "NOT_FOUND", "the command was executed"
