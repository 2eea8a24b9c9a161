"""What /metrics shows of what a service holds: it goes up with that, and back."""

import re
import time
from pathlib import Path

from bodhisattva.servers.core.config import LogConfig, Timeouts
from bodhisattva.servers.tests.running import SECURED, Running, post, running, token, until

CONNECTED = {
    "websocket_channels_current": 2,
    "websocket_subscriptions_current": 4,
    "websocket_members_current": 2,
    "websocket_users_current": 2,
}


async def values(one: Running) -> dict[str, float]:
    """By name, without labels."""
    _, text = await one.get("/metrics")
    return {name: float(value) for name, value in re.findall(r"^(\w+)(?:\{.*\})? (\S+)$", text, re.MULTILINE)}


async def held(one: Running) -> dict[str, float]:
    now = await values(one)
    return {name: now[name] for name in CONNECTED}


async def test_s6_metrics_alone_show_that_the_store_takes_no_writes(tmp_path: Path) -> None:
    async with running(log=LogConfig("sqlite"), state=str(tmp_path)) as one:
        one.server.parts.engine.log._database.execute("PRAGMA query_only=ON")  # type: ignore[attr-defined]
        assert (await values(one))["websocket_ready"] == 0


async def test_s6_what_connections_hold() -> None:
    async with running(**SECURED) as one:
        before = await values(one)
        assert await held(one) == dict.fromkeys(CONNECTED, 0)
        for user in ("ada", "bob"):
            client = await one.connect(token=token("ledger:write", user_id=user))
            for channel in ("account:a", "global"):
                await client.request("subscribe", channel=channel)
            await client.request("enter", account="a")
        assert await held(one) == CONNECTED
        during = await values(one)
        assert during["process_open_fds"] > before["process_open_fds"]
        assert during["process_resident_memory_bytes"] > 1e6
        assert during["asyncio_tasks"] >= 1
        for client in one._clients:
            await client.socket.close()
        await one.quiet()
        assert await held(one) == dict.fromkeys(CONNECTED, 0)


async def test_s6_answers_are_kept_for_their_time() -> None:
    async with running(timeouts=Timeouts(deduplication=0.2)) as one:
        client = await one.connect()
        await post(client, range(1, 4))
        assert (await values(one))["websocket_answers_kept"] == 3
        last = time.monotonic()
        await until(lambda: time.monotonic() > last + 0.2, "time stands still")
        await post(client, range(1, 2))
        assert (await values(one))["websocket_answers_kept"] == 1
