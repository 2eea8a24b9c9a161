"""Compressed messages (4; RFC 7692)."""

import json
import zlib

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Fresh, Raw
from bodhisattva.fixtures.frames import Opcode, close_payload
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.stack.node import Node

COMPRESSED = 0b100
PROTOCOL_ERROR = 1002
TOO_BIG = 1009
STORED = 0  # the level at which nothing becomes shorter
_OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
_TRAILING = b"\x00\x00\xff\xff"
_RAW = -15


def deflated(payload: bytes, level: int = 9) -> bytes:
    squeezing = zlib.compressobj(level, wbits=_RAW)
    return (squeezing.compress(payload) + squeezing.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TRAILING)


async def compressing_peer(raw: Raw, node: Node) -> RawPeer:
    """A peer with which compression is agreed on; it is still to authenticate."""
    peer = await raw(node, upgrade=False)
    answer = await peer.upgrade(headers=_OFFER)
    agreed = answer.headers.get("sec-websocket-extensions", "")
    assert agreed.startswith("permessage-deflate"), f"no compression was agreed on: {agreed!r}"
    return peer


async def send_request(peer: RawPeer, event: str, data: dict[str, object], name: str) -> None:
    message = {"type": "request", "event": event, "id": name, "data": data}
    await peer.frame(Opcode.TEXT, deflated(json.dumps(message).encode()), rsv=COMPRESSED)


@clause(
    "PROTOCOL-150",
    level="MUST",
    section="4",
    feature="core",
    profile="operable",
    text="With compression on, a service claims it, agrees on permessage-deflate with a client that offers it, and "
    "reads compressed messages and sends what decompresses to messages.",
)
async def test_compression_is_agreed_on(fresh: Fresh, raw: Raw) -> None:
    node = await fresh(compression=True)
    assert "compression" in await node.features()
    peer = await compressing_peer(raw, node)
    await send_request(peer, "auth", {"token": node.tokens.usual(node.service)}, "a")
    for expected in ("auth", "session.created"):
        frame = await peer.receive()
        assert frame.opcode == Opcode.TEXT
        inflating = zlib.decompressobj(wbits=_RAW)
        text = inflating.decompress(frame.payload + _TRAILING) if frame.rsv == COMPRESSED else frame.payload
        assert json.loads(text)["event"] == expected


@clause(
    "PROTOCOL-151",
    level="MUST",
    section="4",
    feature="core",
    profile="operable",
    text="The size of a compressed message is what it has after decompression: over the claimed limit it closes 1009, "
    "and up to the limit it is taken, even if it became longer by compression.",
)
async def test_compressed_message_over_the_limit(fresh: Fresh, raw: Raw) -> None:
    node = await fresh(compression=True, limits={"message_bytes": 100_000})
    peer = await compressing_peer(raw, node)
    await send_request(peer, "auth", {"token": node.tokens.usual(node.service)}, "a")
    for _ in range(2):
        await peer.receive()
    longer = deflated(b'{"type": "ping"}'.ljust(100_000), STORED)
    assert len(longer) > 100_000
    await peer.frame(Opcode.TEXT, longer, rsv=COMPRESSED)
    assert (await peer.receive()).opcode == Opcode.TEXT, "a message of the claimed size was not answered"
    await send_request(peer, "ping", {"padding": "." * 1_000_000}, "b")
    assert (await peer.closed()).code == TOO_BIG


@clause(
    "PROTOCOL-152",
    level="MUST",
    section="4",
    feature="core",
    profile="operable",
    text="Where compression is agreed on, a control frame that is marked as compressed ends the connection with 1002, "
    "and is not answered (RFC 7692 section 6.1).",
)
async def test_compressed_control_frame(fresh: Fresh, raw: Raw) -> None:
    node = await fresh(compression=True)
    for opcode, payload in ((Opcode.PING, b"marked"), (Opcode.PONG, b""), (Opcode.CLOSE, close_payload(1000))):
        peer = await compressing_peer(raw, node)
        await send_request(peer, "auth", {"token": node.tokens.usual(node.service)}, "a")
        for _ in range(2):
            await peer.receive()
        await peer.frame(opcode, payload, rsv=COMPRESSED)
        answer = await peer.receive()
        output = (answer.opcode, answer.payload[:2])
        assert output == (Opcode.CLOSE, close_payload(PROTOCOL_ERROR)), f"{opcode.name} marked as compressed"


@clause(
    "PROTOCOL-240",
    level="MUST",
    section="4",
    feature="core",
    profile="operable",
    text="An offer of compression that names a parameter twice, an unknown one, or one with a value that it cannot "
    "have is declined; a good one beside it is not (RFC 7692 section 7.1).",
)
async def test_faulty_offers_are_declined(fresh: Fresh, raw: Raw) -> None:
    node = await fresh(compression=True)
    faulty = (
        "server_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits; client_max_window_bits=10",
        "server_no_context_takeover=1",
        "server_max_window_bits",
        "client_max_window_bits=16",
        "mystery",
    )
    for parameters in faulty:
        offer = f"permessage-deflate; {parameters}"
        assert await _agreed(raw, node, offer) == "", f"offer {offer!r}"
        assert await _agreed(raw, node, f"{offer}, permessage-deflate"), f"a good offer after {offer!r}"


async def _agreed(raw: Raw, node: Node, offer: str) -> str:
    peer = await raw(node, upgrade=False)
    answer = await peer.upgrade(headers={"Sec-WebSocket-Extensions": offer})
    assert answer.status == 101
    return answer.headers.get("sec-websocket-extensions", "")
