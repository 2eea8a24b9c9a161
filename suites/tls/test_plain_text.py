"""No plain text on a port that is for TLS (7)."""

import asyncio

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Raw
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.stack.node import Node

_ALERT = b"\x15"  # RFC 8446 section 5.1: the record type of an alert


async def _received(peer: RawPeer) -> bytes:
    """What comes before the connection ends."""
    try:
        answer = await peer.answer()
    except asyncio.IncompleteReadError as end:
        return end.partial
    except ConnectionError:
        return b""
    raise AssertionError(f"an answer in clear: HTTP {answer.status} {answer.text[:100]}")


@clause(
    "TLS-009",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="Plain HTTP on the TLS port gets nothing in clear, be it a question or an upgrade, and the connection ends.",
)
async def test_plain_text_gets_nothing(node: Node, raw: Raw) -> None:
    questions = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in ("/health", "/metrics", "/ready")]
    upgrade = (
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    for question in (*questions, upgrade):
        peer = await raw(upgrade=False, trust=None)
        await peer.send(question.encode())
        received = await _received(peer)
        assert not received or received.startswith(_ALERT), f"in clear: {received!r}"
    assert (await node.http("/health")).status == 200
