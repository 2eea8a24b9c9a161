"""The end of a connection that its client wants (7)."""

import pytest

from bodhisattva.fixtures.authors import Raw
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.frames import Opcode, close_payload
from bodhisattva.fixtures.stack.base import Node


@clause(
    "LIFECYCLE-021",
    level="MUST",
    section="7",
    feature="core",
    profile="core",
    text="A client's close is answered with its own code, and nothing that it sends after it is done.",
)
@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_close_is_answered_with_its_code(raw: Raw, node: Node, code: int) -> None:
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    await peer.frame(Opcode.CLOSE, close_payload(code, "done"))
    await peer.frame(Opcode.TEXT, b'{"type": "request", "id": "late", "event": "ping"}')
    ended = await peer.closed()
    assert ended.code == code
