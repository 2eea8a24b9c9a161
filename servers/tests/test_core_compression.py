"""permessage-deflate by option (RFC 7692; protocol 4): agreed to, bounded, and done once for all receivers."""

import tracemalloc
import zlib

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.transport import compression, frames
from bodhisattva.servers.core.transport.compression import deflate
from bodhisattva.servers.tests.running import Running, events, limits, offsets, post, running

NOTE = "x" * 2000
MEGABYTE = 1024 * 1024


def inflated(frame: bytes) -> bytes:
    start = {126: 4, 127: 10}.get(frame[1], 2)
    return zlib.decompress(frame[start:] + b"\x00\x00\xff\xff", wbits=-15)


@given(st.binary(max_size=70_000))
def test_a_compressed_frame_holds_the_same_text_in_fewer_bytes(payload: bytes) -> None:
    plain = frames.text(payload)
    frame = deflate(plain)
    assert frame == plain or (frame[0] == 0xC1 and len(frame) < len(plain) and inflated(frame) == payload)


def test_control_frames_and_short_ones_stay_as_they_are() -> None:
    for frame in (frames.ping(b"x" * 100), frames.close(1000, "x" * 100), frames.text(b"x" * 100)):
        assert deflate(frame) is frame
    assert deflate(frames.text(b"x" * 1000))[0] == 0xC1


async def extensions(one: Running, offer: str | None) -> str | None:
    """What the server answers to an offer of extensions."""
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    if offer is not None:
        headers["Sec-WebSocket-Extensions"] = offer
    async with aiohttp.ClientSession() as session, session.get(one.http + "/ws", headers=headers) as answer:
        assert answer.status == 101
        return answer.headers.get("Sec-WebSocket-Extensions")


@pytest.mark.parametrize(
    ("on", "offer", "agreed"),
    [
        (True, "permessage-deflate; client_max_window_bits", compression.EXTENSION),
        (True, "permessage-deflate; server_max_window_bits=10", None),
        (True, "x-webkit-deflate-frame", None),
        (True, "permessage-deflate; server_max_window_bits=10, permessage-deflate", compression.EXTENSION),
        (True, None, None),
        (False, "permessage-deflate", None),
    ],
)
async def test_rfc7692_what_is_agreed_to(on: bool, offer: str | None, agreed: str | None) -> None:
    async with running(compression=on) as one:
        assert await extensions(one, offer) == agreed
        assert ("compression" in (await one.get("/.well-known/bodhisattva.json"))[1]["features"]) is on


_D = "permessage-deflate; "
_LARGEST = f"{compression.EXTENSION}; server_max_window_bits=15"


@pytest.mark.parametrize(
    ("offers", "agreed"),
    [
        (["permessage-deflate"], compression.EXTENSION),
        ([_D + "server_no_context_takeover;client_no_context_takeover"], compression.EXTENSION),
        ([_D + "client_max_window_bits=8"], compression.EXTENSION),
        ([_D + 'client_max_window_bits="1\\0"'], compression.EXTENSION),
        ([_D + "server_max_window_bits=15"], _LARGEST),
        ([_D + 'server_max_window_bits = "15"'], _LARGEST),
        ([_D + "server_no_context_takeover; server_no_context_takeover"], None),
        ([_D + "client_no_context_takeover; client_no_context_takeover"], None),
        ([_D + "client_max_window_bits; client_max_window_bits=10"], None),
        ([_D + "server_max_window_bits=15; server_max_window_bits=15"], None),
        ([_D + "server_no_context_takeover=1"], None),
        ([_D + "server_max_window_bits"], None),
        ([_D + "server_max_window_bits=7"], None),
        ([_D + "server_max_window_bits=16"], None),
        ([_D + "client_max_window_bits=015"], None),
        ([_D + "client_max_window_bits=x"], None),
        ([_D + "client_max_window_bits="], None),
        ([_D + "mystery"], None),
        (["permessage-deflate;"], None),
        (['x; a="b, permessage-deflate"'], None),
        ([_D + "mystery, " + _D + "client_max_window_bits"], compression.EXTENSION),
        (["x, ", "permessage-deflate"], compression.EXTENSION),
        ([""], None),
        ([], None),
    ],
)
def test_rfc7692_s7_1_offers(offers: list[str], agreed: str | None) -> None:
    assert compression.agree(offers) == agreed


async def test_each_event_is_compressed_once_for_all_receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []

    def counting(frame: bytes) -> bytes:
        made.append(frame)
        return deflate(frame)

    monkeypatch.setattr(compression, "deflate", counting)
    async with running(compression=True) as one:
        writer, plain = await one.connect(), await one.connect()
        squeezed = [await one.connect(compress=15) for _ in range(10)]
        for client in (plain, *squeezed):
            await client.request("subscribe", channel="account:a")
        made.clear()
        await post(writer, range(1, 6), note=NOTE)
        for client in (plain, *squeezed):
            received = await events(client, 5)
            assert offsets(received) == [1, 2, 3, 4, 5]
            assert received[0]["data"]["note"] == NOTE
        assert sum(NOTE.encode() in frame for frame in made) == 5
        assert not one.server.parts.write_batch._deflated, "what was compressed is kept"


@pytest.mark.parametrize(("size", "code"), [(1000, None), (1001, 1009)])
async def test_s4_message_size_is_that_after_decompression(size: int, code: int | None) -> None:
    async with running(compression=True, limits=limits(message_bytes=1000)) as one:
        client = await one.connect(compress=15)
        text = '{"type":"ping","id":"' + "x" * (size - 23) + '"}'
        assert len(text) == size
        await client.socket.send_str(text)
        if code is None:
            assert (await client.read())["type"] == "pong"
        else:
            assert await client.close_code() == code


async def test_s4_a_bomb_does_not_inflate_in_memory() -> None:
    async with running(compression=True, limits=limits(message_bytes=100_000)) as one:
        client = await one.connect(compress=15)
        bomb = zlib.compressobj(9, wbits=-15)
        payload = b"".join(bomb.compress(bytes(MEGABYTE)) for _ in range(64)) + bomb.flush(zlib.Z_SYNC_FLUSH)
        assert len(payload) < 100_000
        connection = next(iter(one.server.parts.connections))
        frame = b"\xc1\xff" + (len(payload) - 4).to_bytes(8) + bytes(4) + payload[:-4]
        tracemalloc.start()
        try:
            connection._websocket.feed(frame)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < MEGABYTE
        assert await client.close_code() == 1009


async def test_rfc7692_a_compressed_frame_that_was_not_agreed_to_ends_the_connection_1002() -> None:
    async with running() as one:
        client = await one.connect()
        next(iter(one.server.parts.connections))._websocket.feed(b"\xc1\x82" + bytes(4) + b"ab")
        assert await client.close_code() == 1002
