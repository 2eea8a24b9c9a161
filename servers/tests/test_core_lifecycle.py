"""HTTP beside the WebSocket, reload, drain, and what runs by itself (protocol 6, 7)."""

import asyncio
import gc
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from structlog.testing import capture_logs

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.config import LogConfig, Logging, Timeouts, Tokens
from bodhisattva.servers.core.connections.session import Now, Output, Session
from bodhisattva.servers.core.engine import write_probe
from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.tests.ledger import LEDGER
from bodhisattva.servers.tests.running import (
    QUICK,
    SECRET,
    SECURED,
    Running,
    config,
    limits,
    post,
    running,
    token,
    unreading_peer,
    until,
)


async def test_s6_http() -> None:
    async with running() as one:
        await post(await one.connect(), range(1, 3))
        assert (await one.get("/health"))[0] == 200
        assert (await one.get("/ready"))[0] == 200
        status, document = await one.get("/.well-known/bodhisattva.json")
        assert (status, document["service"], document["protocol"]) == (200, "ledger", "1.0")
        status, metrics = await one.get("/metrics")
        assert status == 200
        assert 'websocket_connections_current{server="ledger-server",service="ledger"} 1.0' in metrics
        assert 'websocket_messages_received_total{message_type="request",' in metrics


async def test_s6_ready_is_503_without_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as one:
        monkeypatch.setattr(type(one.server.parts.engine), "available", False)
        assert (await one.get("/ready"))[0] == 503
        assert (await one.get("/health"))[0] == 200


async def test_s6_ready_is_503_from_a_read_that_failed_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise LogError("disk failure")

    async with running() as one:
        client = await one.connect()
        with monkeypatch.context() as broken:
            broken.setattr(one.server.parts.engine.log, "read", fail)
            assert (await client.request("history", channel="account:a"))["error_code"] == "UNAVAILABLE"
            assert (await one.get("/ready"))[0] == 503
            await post(client, range(1, 2))
        await until(lambda: one.server.not_ready() is None, "still not ready")
        assert (await client.request("history", channel="account:a"))["type"] == "response"


async def test_s6_ready_is_503_once_the_store_takes_no_writes_though_nobody_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_probe, "_PAUSE", 0.0)
    async with running(log=LogConfig("sqlite"), state=str(tmp_path)) as one:
        client = await one.connect()
        assert (await one.get("/ready"))[0] == 200
        database = one.server.parts.engine.log._database  # type: ignore[attr-defined]
        database.execute("PRAGMA query_only=ON")
        assert (await one.get("/ready"))[0] == 503
        assert (await client.request("post", account="a", amount=1))["error_code"] == "UNAVAILABLE"
        database.execute("PRAGMA query_only=OFF")
        await until(lambda: one.server.not_ready() is None, "still not ready")
        assert (await one.get("/ready"))[0] == 200
        await post(client, range(1, 2))


async def test_s6_ready_is_503_while_the_store_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_probe, "_PATIENCE", 0.2)
    back = asyncio.Event()

    async with running() as one:
        monkeypatch.setattr(one.server.parts.engine.log, "probe", back.wait)
        answers = await asyncio.gather(*(one.get("/ready") for _ in range(5)))
        assert {status for status, _ in answers} == {503}
        assert (await one.get("/health"))[0] == 200
        back.set()
        await until(lambda: one.server.not_ready() is None, "still not ready")


async def test_s6_frequent_checks_whether_a_service_is_ready_has_it_write_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[int] = []

    async def probe() -> None:
        written.append(1)

    async with running() as one:
        monkeypatch.setattr(one.server.parts.engine.log, "probe", probe)
        assert {(await one.get("/ready"))[0] for _ in range(20)} == {200}
        assert len(written) < 5


async def test_s7_a_reload_takes_limits_to_connections_that_are_there() -> None:
    async with running() as one:
        client = await one.connect()
        one.config = msgspec.structs.replace(one.config, limits=limits(channels=1))
        one.server.reload()
        assert (await client.request("subscribe", channel="account:a"))["type"] == "response"
        assert (await client.request("subscribe", channel="account:b"))["error_code"] == "LIMIT_EXCEEDED"


async def test_s7_a_reload_claims_nothing_that_only_a_restart_changes() -> None:
    async with running() as one:
        renewed = Timeouts(deduplication=1, handshake=3, ping_interval=9)
        one.config = msgspec.structs.replace(one.config, timeouts=renewed, port=1)
        one.server.reload()
        _, document = await one.get("/.well-known/bodhisattva.json")
        claimed = document["limits"]
        assert (claimed["deduplication_window"], claimed["ping_interval"]) == (QUICK.deduplication, 9)
        assert claimed["handshake_timeout"] == QUICK.handshake


async def test_s7_a_reload_shows_what_needs_a_restart() -> None:
    async with running() as one:
        one.config = msgspec.structs.replace(one.config, port=1, logging=Logging(level="debug"))
        for _ in range(2):
            with capture_logs() as output:
                one.server.reload()
            assert output[0]["event"] == "reloaded"
            assert output[0]["needs_restart"] == ["port", "logging"]


async def test_s7_a_reload_during_the_start_breaks_nothing() -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    one = Running(LEDGER, config())
    try:
        await one.server.prepare()
        one.server.reload()
        await asyncio.sleep(0)
        gc.collect()
        await one.server.open()
        await one.connect()
    finally:
        await one.close()
        asyncio.get_running_loop().set_exception_handler(None)
    assert not failures


async def test_s7_a_file_that_is_renewed_during_the_start_is_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    file.touch()
    one = Running(LEDGER, config(auth="required", tokens=Tokens(secret=SECRET, revoked_file=str(file))))
    try:
        await one.server.prepare()
        file.write_text("j1")
        await one.server.open()
        await until(lambda: _revokes(one, "j1"), "the file is not read again")
    finally:
        await one.close()


async def test_s7_a_renewed_file_is_taken_up_though_it_has_the_date_of_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    file.touch()
    former = file.stat()
    async with running(auth="required", tokens=Tokens(secret=SECRET, revoked_file=str(file))) as one:
        file.write_text("j1")
        os.utime(file, ns=(former.st_atime_ns, former.st_mtime_ns))
        await until(lambda: _revokes(one, "j1"), "the file is not read again")


def _revokes(one: Running, token_id: str) -> bool:
    judge = one.server.settings.value.verifier
    assert judge is not None
    return judge.revokes(Identity("ada", frozenset(), None, token_id))


async def test_s7_an_ipv6_address_is_served_and_written_as_such() -> None:
    async with running(host="::1") as one:
        assert one.server.url == f"ws://[::1]:{one.server.port}/ws"
        await one.connect()


@pytest.mark.parametrize(
    "broken",
    [
        {"tokens": Tokens(secret="short"), "auth": "required"},
        {"auth": "required"},
        {"auth": "required", "tokens": Tokens(secret_file="nowhere")},
        {"auth": "required", "tokens": Tokens(secret=SECRET)},
    ],
)
async def test_s7_a_broken_reload_changes_nothing(broken: dict[str, Any]) -> None:
    async with running() as one:
        client = await one.connect()
        one.config = msgspec.structs.replace(one.config, limits=limits(channels=1), **broken)
        one.server.reload()
        for channel in ("account:a", "account:b"):
            assert (await client.request("subscribe", channel=channel))["type"] == "response"
        await one.connect()


async def test_s7_a_drain_answers_what_is_in_flight_and_closes_1001(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as one:
        client, other = await one.connect(), await one.connect()
        log: Any = one.server.parts.engine.log
        append, held = log.append, asyncio.Event()

        def slowly(entry: Any) -> "asyncio.Future[None]":
            async def later() -> None:
                await held.wait()
                await append(entry)

            return asyncio.ensure_future(later())

        monkeypatch.setattr(log, "append", slowly)
        request_id = await client.send("post", account="a", amount=1)
        await until(lambda: one.server.parts.engine.lag, "the command did not arrive")
        draining = asyncio.ensure_future(one.server.drain())
        notice = await client.read()
        assert notice["event"] == "server.draining"
        assert 0 <= notice["data"]["reconnect_after"] <= QUICK.reconnect_spread
        assert (await one.get("/ready"))[0] == 503
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await one.connect()
        assert refused.value.status == 503
        assert await other.close_code() == 1001
        assert not draining.done(), "a request is in flight"
        held.set()
        answer = await client.read()
        assert (answer["type"], answer["correlation_id"]) == ("response", request_id)
        assert await client.close_code() == 1001
        await draining


async def test_s7_a_drain_ends_within_its_time_with_hundreds_of_peers_some_of_them_silent() -> None:
    async with running(timeouts=Timeouts(drain=2, drain_grace=0.1)) as one, AsyncExitStack() as stack:
        polite = [await one.connect() for _ in range(200)]
        reading = [asyncio.ensure_future(client.close_code()) for client in polite]
        for _ in range(50):
            stack.callback((await asyncio.to_thread(unreading_peer, one.server.port)).close)
        started = time.monotonic()
        await one.server.drain()
        await one.server.stop()
        assert time.monotonic() - started < 2.0
        assert set(await asyncio.gather(*reading)) == {1001}
        await one.quiet()


async def test_s7_a_drain_ends_within_its_time_though_a_request_is_never_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(timeouts=Timeouts(drain=1.5, drain_grace=0.1)) as one:
        client = await one.connect()
        monkeypatch.setattr(one.server.parts.engine.log, "append", lambda _: asyncio.get_running_loop().create_future())
        await client.send("post", account="a", amount=1)
        await until(lambda: one.server.parts.engine.lag, "the command did not arrive")
        started = time.monotonic()
        draining = asyncio.ensure_future(one.server.drain())
        assert await client.close_code() == 1001
        await draining
        assert 0.5 < time.monotonic() - started < 1.5


async def test_s7_a_drain_shows_strangers_nothing_but_the_close() -> None:
    async with running(**SECURED) as one:
        stranger = await one.connect(welcome=False)
        draining = asyncio.ensure_future(one.server.drain())
        assert await stranger.close_code() == 1001
        await draining


async def test_background_work_that_fails_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from bodhisattva.servers.core import supervisor

    monkeypatch.setattr(supervisor, "_PAUSE", 0.001)
    begun: list[int] = []

    async def fails() -> None:
        begun.append(1)
        raise RuntimeError("once more")

    kept = supervisor.Supervisor("ledger")
    kept.start("fails", fails)
    await until(lambda: len(begun) >= 3, "it was not begun again")
    await kept.stop()


async def test_one_broken_connection_does_not_stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(**SECURED) as one:
        broken, silent = await one.connect(token=token("ledger:read")), await one.connect(welcome=False)
        connection = next(each for each in one.server.parts.connections if each.user_id)
        tick = Session.tick

        def break_one(session: Session, now: Now) -> list[Output]:
            return tick(session, now) if session is not connection.session else [][0]

        monkeypatch.setattr(Session, "tick", break_one)
        assert (await silent.read())["error_code"] == "AUTH_REQUIRED"
        assert await broken.close_code() == 1011
