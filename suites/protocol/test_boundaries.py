"""Limits and rare forms at their boundary: one byte, one character and one frame on either side (1, 3, 4; RFC 6455)."""

import json
import uuid
from collections.abc import Awaitable, Callable

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh, Raw
from bodhisattva.fixtures.frames import Opcode
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.protocol.event_series import perform
from bodhisattva.suites.protocol.test_compression import COMPRESSED, TOO_BIG, compressing_peer, deflated

LONGEST_CONTROL = 125  # bytes of a control frame's payload (RFC 6455, 5.5)
SIZE = 50_000
FRAGMENTS = 7
NOT_CHANNELS: tuple[object, ...] = (None, 7, True, 1.5, ["global"], {"name": "global"})


def padded_ping(name: str, size: int) -> bytes:
    """A ping of the protocol, of so many bytes."""
    empty = json.dumps({"type": "ping", "id": name, "data": {"padding": ""}})
    return empty.replace('""', f'"{"." * (size - len(empty))}"').encode()


async def send_fragments(peer: RawPeer, payload: bytes, count: int) -> None:
    size = -(-len(payload) // count)
    pieces = [payload[start : start + size] for start in range(0, len(payload), size)]
    for place, piece in enumerate(pieces):
        opcode = Opcode.TEXT if place == 0 else Opcode.CONTINUATION
        await peer.frame(opcode, piece, fin=place == len(pieces) - 1)


async def assert_limit(peer: RawPeer, limit: int, send: Callable[[bytes], Awaitable[None]]) -> None:
    """A message of the limit is answered, and one of a byte more is closed with 1009. send: the form that it has."""
    await send(padded_ping("whole", limit))
    answer = await peer.envelope()
    assert (answer.type, answer.correlation_id) == ("pong", "whole"), f"a message of {limit} bytes: {answer!r}"
    await send(padded_ping("more", limit + 1))
    code = (await peer.closed()).code
    assert code == TOO_BIG, f"{limit + 1} bytes were closed with {code}"


@clause(
    "PROTOCOL-300",
    level="MUST",
    section="4",
    feature="core",
    profile="core",
    text="A fragmented message of exactly the claimed size is answered, and one of a byte more is closed with 1009.",
)
async def test_fragmented_message_at_the_limit(raw: Raw, node: Node) -> None:
    limit = int((await node.limits())["message_bytes"])
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    await assert_limit(peer, limit, lambda message: send_fragments(peer, message, FRAGMENTS))


@clause(
    "PROTOCOL-301",
    level="MUST",
    section="4",
    feature="core",
    profile="operable",
    text="A compressed message of exactly the claimed size is answered, and one of a byte more is closed with 1009.",
)
async def test_compressed_message_at_the_limit(fresh: Fresh, raw: Raw) -> None:
    node = await fresh(compression=True, limits={"message_bytes": SIZE})
    peer = await compressing_peer(raw, node)
    await peer.authenticate(node.tokens.usual(node.service))
    await assert_limit(peer, SIZE, lambda message: peer.frame(Opcode.TEXT, deflated(message), rsv=COMPRESSED))


@clause(
    "PROTOCOL-302",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="A character that is cut by fragments is no violation: the whole message is UTF-8 (RFC 6455, 5.6 and 8.1).",
)
async def test_character_cut_by_fragments(raw: Raw, node: Node) -> None:
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    message = json.dumps({"type": "ping", "id": "ä€😀"}, ensure_ascii=False).encode()
    for cut in range(1, len(message) - 1):
        await peer.frame(Opcode.TEXT, message[:cut], fin=False)
        await peer.frame(Opcode.CONTINUATION, message[cut : cut + 1], fin=False)
        await peer.frame(Opcode.CONTINUATION, message[cut + 1 :])
        answer = await peer.envelope()
        assert answer.correlation_id == "ä€😀", f"cut after {cut} bytes: {answer!r}"


@clause(
    "PROTOCOL-303",
    level="MUST",
    section="4",
    feature="core",
    profile="core",
    text="A ping frame is answered by a pong with all of its payload, from 0 to 125 bytes, also between fragments "
    "(RFC 6455, 5.5.3).",
)
async def test_pong_has_the_whole_payload(raw: Raw, node: Node) -> None:
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    for size in (0, 1, LONGEST_CONTROL - 1, LONGEST_CONTROL):
        payload = bytes(range(size))
        await peer.frame(Opcode.PING, payload)
        assert await pong(peer) == payload, f"a ping of {size} bytes"
    message = padded_ping("between", 200)
    await peer.frame(Opcode.TEXT, message[:100], fin=False)
    await peer.frame(Opcode.PING, b"x" * LONGEST_CONTROL)
    assert await pong(peer) == b"x" * LONGEST_CONTROL, "a ping between fragments"
    await peer.frame(Opcode.CONTINUATION, message[100:])
    assert (await peer.envelope()).correlation_id == "between"


async def pong(peer: RawPeer) -> bytes:
    """The payload of the next pong frame, passing over a service's own pings."""
    while (frame := await peer.receive()).opcode != Opcode.PONG:
        assert frame.opcode == Opcode.PING, f"{frame} in place of a pong"
    return frame.payload


@clause(
    "PROTOCOL-304",
    level="MUST",
    section="3",
    feature="core",
    profile="core",
    text="A channel that is no string is INVALID_CHANNEL in each request that takes one, and the connection goes on.",
)
async def test_channel_that_is_no_string(connect: Connect, node: Node) -> None:
    client = await connect()
    for request in await node.channel_requests():
        for channel in NOT_CHANNELS:
            refused = await client.refusal(request, {"channel": channel})
            assert refused.error_code == "INVALID_CHANNEL", f"{request} of channel {channel!r}: {refused.error_code}"
    assert (await client.request("ping")).type == "pong"


@clause(
    "PROTOCOL-305",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="Ids are compared by every character: upper and lower case, blanks and a zero character make other ids.",
)
async def test_ids_that_differ_in_one_character(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    base = f"id-{uuid.uuid4().hex}-x"
    names = (base, base.upper(), f"{base} ", f" {base}", f"{base}\x00", base[:-1])
    for n, name in enumerate(names):
        await client.answer(*sample.command(n), id=name)
    for n, name in enumerate(names):
        found = await client.request(*sample.readback(n).call)
        assert found.type == "response", f"the command under the id {name!r} was taken for a repetition: {found!r}"
        sample.readback(n).check(found)


@clause(
    "PROTOCOL-306",
    level="MUST",
    section="1.2",
    feature="durable",
    profile="durable",
    text="A refusal is repeated under its id after a crash too, even if the command would do then.",
    services=("mahavishnu", "session-buddy", "crackerjack", "excalidraw"),
)
async def test_refusal_is_repeated_after_a_crash(connect: Connect, fresh: Fresh, sample: RequestSamples) -> None:
    node = await fresh()
    client = await connect(node)
    series = sample.sequence(count=1)
    name = str(uuid.uuid4())
    first = await client.refusal(*series.calls[0], id=name)
    await perform(client, series.setup)
    await node.restart(kill=True)
    back = await connect(node)
    repeated = await back.refusal(*series.calls[0], id=name)
    assert (repeated.error_code, repeated.data) == (first.error_code, first.data)
    await back.answer(*series.calls[0])


@clause(
    "PROTOCOL-307",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="A command that was FORBIDDEN is decided anew under the same id once a renewed token allows it.",
)
async def test_forbidden_is_decided_anew(connect: Connect, node: Node, sample: RequestSamples) -> None:
    client = await connect(user="ann", permissions=[f"{node.service}:read"])
    name = str(uuid.uuid4())
    assert (await client.refusal(*sample.command(), id=name)).error_code == "FORBIDDEN"
    await client.answer("refresh_token", {"token": node.tokens.valid("ann", [f"{node.service}:write"])})
    await client.answer(*sample.command(), id=name)
    sample.readback().check(await client.answer(*sample.readback().call))
