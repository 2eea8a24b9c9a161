"""Channels over a socket: resuming, history, presence, and what is refused (protocol 3, 5)."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
import structlog

from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.tests.running import (
    events,
    limits,
    offsets,
    post,
    running,
)


@pytest.mark.parametrize("since", [0, 150, 299])
async def test_s5_since_delivers_what_followed_while_live_events_flow(since: int) -> None:
    async with running() as one:
        writer = await one.connect()
        await post(writer, range(100, 400))
        writing = asyncio.ensure_future(post(writer, range(400, 700)))
        reader = await one.connect()
        epoch = one.server.parts.engine.log.epoch
        answer = await reader.request("subscribe", channel="account:a", since={"epoch": epoch, "offset": since})
        assert (answer["data"]["recovered"], answer["data"]["offset"]) == (True, since)
        received = await events(reader, 600 - since)
        await writing
        assert offsets(received) == list(range(since + 1, 601))


async def test_s5_resubscribing_amid_the_stream_leaves_neither_gap_nor_duplicate() -> None:
    async with running() as one:
        writer, reader = await one.connect(), await one.connect()
        writing = asyncio.ensure_future(post(writer, range(100, 600)))
        seen = 0
        for _ in range(10):
            epoch = one.server.parts.engine.log.epoch
            await reader.send("unsubscribe", channel="account:a")
            await reader.request("subscribe", channel="account:a", since={"epoch": epoch, "offset": seen})
            received = offsets(await events(reader, 20))
            assert received == list(range(seen + 1, seen + 21))
            await reader.request("unsubscribe", channel="account:a")
            seen = received[-1]
        await writing


async def test_s5_unsubscribing_right_after_a_resume_ends_it() -> None:
    async with running() as one:
        writer, reader = await one.connect(), await one.connect()
        await post(writer, range(100, 1000))
        epoch = one.server.parts.engine.log.epoch
        await reader.send("subscribe", channel="account:a", since={"epoch": epoch, "offset": 0})
        assert (await reader.request("unsubscribe", channel="account:a"))["type"] == "response"
        await post(writer, range(1, 3))
        fence = await reader.send("balance", account="a")
        rest = []
        while (message := await reader.read())["correlation_id"] != fence:
            rest.append(message)
        assert rest == [], "events came after the answer to unsubscribe"


async def test_s5_unsubscribing_ends_a_resume_that_is_not_cancelled_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit inside, such as redis-py's, swallows a cancellation that comes together with what it waited for."""
    async with running() as one:
        writer, reader = await one.connect(), await one.connect()
        await post(writer, range(100, 110))
        log = one.server.parts.engine.log
        read, begun = log.read, asyncio.Event()

        async def read_whatever_comes(channel: str, after: int, limit: int) -> Any:
            begun.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return await read(channel, after, limit)

        monkeypatch.setattr(log, "read", read_whatever_comes)
        await reader.request("subscribe", channel="account:a", since={"epoch": log.epoch, "offset": 0})
        await begun.wait()
        assert (await reader.request("unsubscribe", channel="account:a"))["type"] == "response"
        await post(writer, range(1, 3))
        fence = await reader.send("balance", account="a")
        assert (await reader.read())["correlation_id"] == fence, "events came after the answer to unsubscribe"


@pytest.mark.parametrize(("epoch", "offset"), [("another", 0), (None, 99)])
async def test_s5_a_position_that_the_log_does_not_know_is_not_recovered(epoch: str | None, offset: int) -> None:
    async with running() as one:
        client = await one.connect()
        await post(client, range(1, 4))
        since = {"epoch": epoch or one.server.parts.engine.log.epoch, "offset": offset}
        answer = await client.request("subscribe", channel="account:a", since=since)
        assert (answer["data"]["recovered"], answer["data"]["offset"]) == (False, 3)


@pytest.mark.parametrize(
    ("request_name", "data", "code"),
    [
        ("subscribe", {}, "INVALID_CHANNEL"),
        ("subscribe", {"channel": 5}, "INVALID_CHANNEL"),
        ("subscribe", {"channel": "nonsense"}, "INVALID_CHANNEL"),
        ("subscribe", {"channel": "global", "since": 5}, "INVALID_DATA"),
        ("subscribe", {"channel": "global", "since": {"epoch": "e", "offset": -1}}, "INVALID_DATA"),
        ("subscribe", {"channel": "global", "since": {"epoch": "e", "offset": 10**30}}, "INVALID_DATA"),
        ("unsubscribe", {"channel": "nonsense"}, "INVALID_CHANNEL"),
        ("history", {}, "INVALID_CHANNEL"),
        ("history", {"channel": "waves:a"}, "INVALID_CHANNEL"),
        ("history", {"channel": "global", "after": 10**30}, "INVALID_DATA"),
        ("history", {"channel": "global", "limit": 0}, "INVALID_DATA"),
        ("presence", {}, "INVALID_CHANNEL"),
        ("nonsense", {}, "UNKNOWN_REQUEST"),
        ("post", {"account": "a"}, "INVALID_DATA"),
        ("break_down", {"words": "hunter2"}, "INTERNAL_ERROR"),
    ],
)
async def test_s3_refusals(request_name: str, data: dict[str, Any], code: str) -> None:
    async with running() as one:
        client = await one.connect()
        answer = await client.request(request_name, **data)
        assert (answer["type"], answer["error_code"], answer["event"]) == ("error", code, request_name)
        assert "hunter2" not in json.dumps(answer)
        assert (await client.request("ping"))["type"] == "pong"


async def test_s5_history_is_paged_and_ends() -> None:
    async with running() as one:
        client = await one.connect()
        await post(client, range(100, 110))
        page = (await client.request("history", channel="account:a", after=3, limit=4))["data"]
        assert ([event["offset"] for event in page["events"]], page["offset"]) == ([4, 5, 6, 7], 10)
        for beyond in (10, 11, 2**63 - 1):
            rest = (await client.request("history", channel="account:a", after=beyond))["data"]
            assert (rest["events"], rest["offset"]) == ([], 10), f"after {beyond}"


async def test_s3_a_log_that_cannot_be_read_is_unavailable_and_ends_a_resume_1011(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*_: object) -> None:
        raise LogError("io error")

    async with running() as one:
        client = await one.connect()
        await post(client, range(1, 4))
        monkeypatch.setattr(one.server.parts.engine.log, "read", broken)
        assert (await client.request("history", channel="global"))["error_code"] == "UNAVAILABLE"
        epoch = one.server.parts.engine.log.epoch
        await client.request("subscribe", channel="global", since={"epoch": epoch, "offset": 0})
        assert await client.close_code() == 1011


async def test_s1_a_request_that_breaks_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("hunter2")

    async with running() as one:
        client = await one.connect()
        monkeypatch.setattr(one.server.parts.engine.log, "read", broken)
        monkeypatch.setattr(one.server.parts.hub, "present", lambda _: 1 // 0)
        for request in ("history", "presence"):
            answer = await client.request(request, channel="global")
            assert (answer["error_code"], "hunter2" in str(answer)) == ("INTERNAL_ERROR", False)


async def test_s5_a_resume_larger_than_the_queue_reaches_a_peer_that_reads() -> None:
    async with running(limits=limits(queue_bytes=20_000)) as one:
        writer = await one.connect()
        await post(writer, range(1000, 2000))
        reader = await one.connect()
        epoch = one.server.parts.engine.log.epoch
        await reader.request("subscribe", channel="account:a", since={"epoch": epoch, "offset": 0})
        assert offsets(await events(reader, 1000)) == list(range(1, 1001))


async def test_s8_a_member_s_end_is_announced_to_the_other_subscribers() -> None:
    async with running() as one:
        member, witness = await one.connect(), await one.connect()
        await witness.request("subscribe", channel="waves:a")
        await member.request("enter", account="a")
        present = (await witness.request("presence", channel="waves:a"))["data"]["members"]
        assert {"name": "anonymous"}.items() <= present[0].items()
        assert len(present) == 2
        await member.socket.close()
        assert (await events(witness, 1))[0]["event"] == "left"


async def test_s1_2_what_is_done_to_a_connection_is_done_to_the_one_that_sends_it_again() -> None:
    async with running() as one:
        members = []
        for _ in range(2):
            client = await one.connect()
            await client.socket.send_json({"type": "request", "event": "enter", "id": "e", "data": {"account": "a"}})
            assert (await client.read())["data"] == {"status": "in"}
            members.append((await client.request("presence", channel="waves:a"))["data"]["members"])
            await client.socket.close()
        assert [len(each) for each in members] == [1, 1]


async def test_s5_a_log_that_goes_amid_a_catch_up_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when its Redis is killed: however many connections read, and without a traceback."""

    async def unreachable(*_: object) -> None:
        raise LogError("ConnectionError: Connection closed by server.")

    async with running() as one:
        await post(await one.connect(), range(1, 4))
        readers = [await one.connect(autoclose=False) for _ in range(3)]
        epoch = one.server.parts.engine.log.epoch
        monkeypatch.setattr(one.server.parts.engine.log, "read", unreachable)
        with structlog.testing.capture_logs() as lines:
            for reader in readers:
                await reader.request("subscribe", channel="account:a", since={"epoch": epoch, "offset": 0})
                assert await reader.close_code() == 1011
    assert [line["event"] for line in lines if line["log_level"] != "info"] == ["store cannot be read"]
    assert not [line for line in lines if "exc_info" in line]
