"""Frames that no WebSocket client may send (RFC 6455) end their connection, and nobody else's."""

import json
import zlib

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Raw
from bodhisattva.fixtures.frames import Opcode, close_payload, encode
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node

PROTOCOL_ERROR = 1002
INVALID_PAYLOAD = 1007
POLICY_VIOLATION = 1008
SMALL_FRAGMENTS = 1024
PING = json.dumps({"type": "request", "id": "violation", "event": "ping"}).encode()


async def welcome(raw: Raw, node: Node) -> RawPeer:
    """An authenticated byte-exact peer."""
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    return peer


@clause(
    "SECURITY-010",
    level="MUST",
    section="2",
    feature="core",
    profile="secure",
    text="An unmasked frame of a client is not executed: the connection ends with 1002 (RFC 6455 section 5.1).",
)
async def test_unmasked_frame(raw: Raw, node: Node) -> None:
    peer = await welcome(raw, node)
    await peer.frame(Opcode.TEXT, PING, mask=False)
    assert (await peer.closed()).code == PROTOCOL_ERROR
    assert "pong" not in str(peer.log), "an unmasked frame was answered"


@clause(
    "SECURITY-011",
    level="MUST",
    section="2",
    feature="core",
    profile="secure",
    text="A frame with reserved bits that nothing was agreed on for ends the connection with 1002 (section 5.2).",
)
async def test_reserved_bits(raw: Raw, node: Node) -> None:
    for bits in (1, 2, 4):
        peer = await welcome(raw, node)
        await peer.frame(Opcode.TEXT, PING, rsv=bits)
        assert (await peer.closed()).code == PROTOCOL_ERROR, f"reserved bits {bits}"


@clause(
    "SECURITY-012",
    level="MUST",
    section="2",
    feature="core",
    profile="secure",
    text="A frame of an unknown opcode ends the connection with 1002 (section 5.2).",
)
async def test_unknown_opcode(raw: Raw, node: Node) -> None:
    for opcode in (0x3, 0x7, 0xB, 0xF):
        peer = await welcome(raw, node)
        await peer.frame(opcode, PING)
        assert (await peer.closed()).code == PROTOCOL_ERROR, f"opcode {opcode:#x}"


@clause(
    "SECURITY-013",
    level="MUST",
    section="1",
    feature="core",
    profile="secure",
    text="Text that is not UTF-8 ends the connection with 1007 (section 8.1).",
)
async def test_invalid_utf8(raw: Raw, node: Node) -> None:
    for payload in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b'{"type": "\xf5"}'):
        peer = await welcome(raw, node)
        await peer.frame(Opcode.TEXT, payload)
        assert (await peer.closed()).code == INVALID_PAYLOAD, f"text {payload!r}"


@clause(
    "SECURITY-014",
    level="MUST",
    section="2",
    feature="core",
    profile="secure",
    text="A control frame of more than 125 bytes, or in fragments, ends the connection with 1002 (section 5.5).",
)
async def test_control_frame_of_wrong_form(raw: Raw, node: Node) -> None:
    for payload, fin in ((b"x" * 126, True), (b"x", False)):
        peer = await welcome(raw, node)
        await peer.frame(Opcode.PING, payload, fin=fin)
        assert (await peer.closed()).code == PROTOCOL_ERROR, f"{len(payload)} bytes, fin {fin}"


@clause(
    "SECURITY-015",
    level="MUST",
    section="2",
    feature="core",
    profile="secure",
    text="A continuation of nothing, or a new message within one, ends the connection with 1002 (section 5.4).",
)
async def test_fragments_out_of_order(raw: Raw, node: Node) -> None:
    peer = await welcome(raw, node)
    await peer.frame(Opcode.CONTINUATION, PING)
    assert (await peer.closed()).code == PROTOCOL_ERROR
    for begun in (PING[:5], b""):
        peer = await welcome(raw, node)
        await peer.frame(Opcode.TEXT, begun, fin=False)
        await peer.frame(Opcode.TEXT, PING)
        code = (await peer.closed()).code
        assert code == PROTOCOL_ERROR, f"a new message after {len(begun)} bytes of one"


@clause(
    "SECURITY-016",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="A frame that announces more than the claimed size is refused with 1009 at its head, before its bytes come; "
    "so are fragments that come to more.",
)
async def test_announced_size(raw: Raw, node: Node) -> None:
    limit = (await node.limits())["message_bytes"]
    for length in (limit + 2, 2**40):
        peer = await welcome(raw, node)
        await peer.frame(Opcode.TEXT, b'{"type"', length=length)
        assert (await peer.closed()).code == 1009, f"{length} bytes announced"
    peer = await welcome(raw, node)
    half = b" " * (limit // 2 + 8)
    await peer.frame(Opcode.TEXT, half, fin=False)
    await peer.frame(Opcode.CONTINUATION, half, fin=True)
    assert (await peer.closed()).code == 1009


@clause(
    "SECURITY-017",
    level="MUST",
    section="2",
    feature="core",
    profile="secure",
    text="Whatever one connection violates, the others on the service go on.",
)
async def test_violations_hurt_nobody_else(connect: Connect, raw: Raw, node: Node, sample: RequestSamples) -> None:
    client = await connect()
    await client.subscribe(sample.channel())
    for bad in (b"\x83\xff\x00", b"\xff" * 40, b"\x81\x7f" + b"\xff" * 8):
        peer = await welcome(raw, node)
        await peer.send(bad)
        await peer.abort()
    await (await connect()).answer(*sample.command())
    await client.event(sample.event, sample.channel(), where=sample.concerns)


@clause(
    "SECURITY-018",
    level="MUST",
    section="1",
    feature="core",
    profile="secure",
    text="A message in fragments is one message, also with a ping between them, which is answered at once.",
)
async def test_fragments_are_one_message(raw: Raw, node: Node) -> None:
    peer = await welcome(raw, node)
    await peer.frame(Opcode.TEXT, PING[:7], fin=False)
    await peer.frame(Opcode.PING, b"between")
    pong = await peer.receive()
    assert (pong.opcode, pong.payload) == (Opcode.PONG, b"between")
    await peer.frame(Opcode.CONTINUATION, PING[7:])
    assert (await peer.envelope()).correlation_id == "violation"


@clause(
    "SECURITY-024",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="A message with 1024 fragments of fewer than 64 bytes before its last is taken; one more ends the connection "
    "with 1008.",
)
async def test_small_fragments(raw: Raw, node: Node) -> None:
    peer = await welcome(raw, node)
    await peer.send(octets(SMALL_FRAGMENTS))
    assert (await peer.envelope()).correlation_id == "violation"
    await peer.send(octets(SMALL_FRAGMENTS + 1))
    answer = await peer.receive()
    assert (answer.opcode, answer.payload[:2]) == (Opcode.CLOSE, close_payload(POLICY_VIOLATION)), "one fragment more"


def octets(fragments: int) -> bytes:
    """A ping, one byte in each of so many fragments and in a last one."""
    message = PING[:-1].ljust(fragments) + PING[-1:]
    frames = [encode(Opcode.CONTINUATION, message[n : n + 1], fin=n == fragments) for n in range(len(message))]
    return b"".join([encode(Opcode.TEXT, message[:1], fin=False), *frames[1:]])


@clause(
    "SECURITY-019",
    level="MUST",
    section="2",
    feature="core",
    profile="secure",
    text="A close frame of one byte, or with a code that no endpoint may send, is answered 1002 (sections 5.5.1 "
    "and 7.4).",
)
async def test_close_frame_of_wrong_form(raw: Raw, node: Node) -> None:
    for payload in (b"\x03", close_payload(0), close_payload(999), close_payload(1005), close_payload(2000)):
        peer = await welcome(raw, node)
        await peer.frame(Opcode.CLOSE, payload)
        assert (await peer.closed()).code == PROTOCOL_ERROR, f"close frame {payload!r}"


@clause(
    "SECURITY-023",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="A small message that inflates to more than the claimed size does not get in: 1009 where compression is "
    "agreed on, 1002 where it is not.",
)
async def test_compression_bomb(raw: Raw, node: Node) -> None:
    peer = await raw(upgrade=False)
    offer = {"Sec-WebSocket-Extensions": "permessage-deflate; client_no_context_takeover"}
    answer = await peer.upgrade(headers=offer)
    assert answer.status == 101
    agreed = "permessage-deflate" in answer.headers.get("sec-websocket-extensions", "")
    await peer.authenticate(node.tokens.usual(node.service))
    bomb = PING[:-1] + b" " * (await node.limits())["message_bytes"] + PING[-1:]
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    squeezed = deflate.compress(bomb) + deflate.flush(zlib.Z_SYNC_FLUSH)
    await peer.frame(Opcode.TEXT, squeezed.removesuffix(b"\x00\x00\xff\xff"), rsv=4)
    assert (await peer.closed()).code == (1009 if agreed else PROTOCOL_ERROR)


@clause(
    "SECURITY-240",
    level="MUST",
    section="1",
    feature="core",
    profile="secure",
    text="Requests before a violation are answered, also where both come in one segment, and then the connection "
    "ends with the violation's code.",
)
async def test_what_came_before_a_violation(raw: Raw, node: Node) -> None:
    violations = {
        "an unmasked frame": (encode(Opcode.TEXT, b"x", mask=False), PROTOCOL_ERROR),
        "a compressed ping": (encode(Opcode.PING, rsv=4), PROTOCOL_ERROR),
        "a text within a text": (encode(Opcode.TEXT, b"a", fin=False) + encode(Opcode.TEXT, b"b"), PROTOCOL_ERROR),
        "an unknown opcode": (encode(0x3), PROTOCOL_ERROR),
        "bad text": (encode(Opcode.TEXT, b"\xff", fin=False), INVALID_PAYLOAD),
        "a frame of 2**40 bytes": (encode(Opcode.TEXT, b"x", length=2**40), 1009),
    }
    for name, (violation, code) in violations.items():
        peer = await welcome(raw, node)
        await peer.send(encode(Opcode.TEXT, PING) + violation)
        answer = await peer.receive()
        assert answer.opcode == Opcode.TEXT, f"before {name} nothing is answered"
        assert b"violation" in answer.payload
        assert (await peer.closed()).code == code, name


@clause(
    "SECURITY-241",
    level="MUST",
    section="2",
    feature="core",
    profile="secure",
    text="A close code of 5000 or more is answered 1002, one from 3000 to 4999 with itself (RFC 6455 section 7.4.2).",
)
async def test_close_codes_beyond_all(raw: Raw, node: Node) -> None:
    for code in (5000, 30840, 65535, 3000, 4999):
        peer = await welcome(raw, node)
        await peer.send_close(code)
        answered = (await peer.closed()).code
        assert answered == (code if code < 5000 else PROTOCOL_ERROR), f"close code {code}"


@clause(
    "SECURITY-242",
    level="MUST",
    section="1",
    feature="core",
    profile="secure",
    text="A byte that is no UTF-8 ends the connection with 1007 when it comes, before its frame or message has ended.",
)
async def test_bad_text_before_its_end(raw: Raw, node: Node) -> None:
    for good, bad in ((b"\xce\xba", b"\xf4\x90"), (b"{", b"\xed\xa0"), (b"\xe2\x82", b"x"), (b"", b"\xff")):
        peer = await welcome(raw, node)
        await peer.frame(Opcode.TEXT, good, fin=False)
        await peer.frame(Opcode.CONTINUATION, bad, fin=False)
        assert (await peer.closed()).code == INVALID_PAYLOAD, f"{bad!r} in a fragment"
        peer = await welcome(raw, node)
        await peer.frame(Opcode.TEXT, good + bad, length=1000)
        assert (await peer.closed()).code == INVALID_PAYLOAD, f"{bad!r} in a frame that has not ended"
