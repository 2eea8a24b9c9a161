"""Answers that are due before a service closes a connection (1)."""

import json
from typing import Any

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Raw
from bodhisattva.fixtures.frames import Opcode, encode
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node

COMMANDS = 20
BINARY = encode(Opcode.BINARY, b"{}")
NOT_UTF8 = encode(Opcode.TEXT, b"\xff")


@clause(
    "LIFECYCLE-173",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="Requests that came before a client breaks a rule are answered, each once, before it is closed for that.",
)
@pytest.mark.parametrize(("violation", "code"), [(BINARY, 1003), (NOT_UTF8, 1007)], ids=["binary", "not UTF-8"])
async def test_earlier_requests_are_answered(
    raw: Raw, node: Node, sample: RequestSamples, violation: bytes, code: int
) -> None:
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    query = [_request(str(n), *sample.command(f"{code}-{n}-")) for n in range(COMMANDS)]
    await peer.send(b"".join(query) + violation)
    answered: list[str | None] = []
    while (frame := await peer.receive()).opcode != Opcode.CLOSE:
        answered.append(Envelope.parse(frame.payload.decode(), 0.0).correlation_id)
    assert int.from_bytes(frame.payload[:2]) == code
    owed = sorted(map(str, range(COMMANDS)))
    assert sorted(map(str, answered)) == owed, f"{len(answered)} of {COMMANDS} requests were answered before the close"


def _request(name: str, event: str, data: dict[str, Any]) -> bytes:
    return encode(Opcode.TEXT, json.dumps({"type": "request", "id": name, "event": event, "data": data}).encode())
