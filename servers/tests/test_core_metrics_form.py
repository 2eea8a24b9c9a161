"""What Prometheus reads: names and labels that it likes, values that move, and no series of a client's making."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bodhisattva.servers.core.config import Peer
from bodhisattva.servers.core.service import Bridge
from bodhisattva.servers.tests.ledger import repost, service
from bodhisattva.servers.tests.running import Running, events, limits, post, running, until

HOW = "there is no promtool, which this test needs: ./ci/prometheus unpacks Debian's"
_TOOLS = Path(__file__).resolve().parents[2] / ".tools" / "bin"
LABELS = {
    "service",
    "server",
    "message_type",
    "error_type",
    "channel_kind",
    "source",
    "outcome",
    "peer",
    "le",
    "quantile",
}


def metrics(one: Running) -> str:
    return one.server.metrics.render().decode()


def value(one: Running, name: str, **labels: str) -> float:
    """The sum of a metric's series that have these labels."""
    wanted = [f'{label}="{text}"' for label, text in labels.items()]
    lines = [line for line in metrics(one).splitlines() if re.match(rf"{name}\b", line)]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(text in line for text in wanted))


async def busy(one: Running, name: str) -> None:
    """Everything that is counted by kind, under names of a client's choice."""
    client = await one.connect()
    await client.request("subscribe", channel=f"account:{name}")
    await client.request("subscribe", channel=f"waves:{name}")
    await post(client, range(1, 3), account=name)
    await client.request("wave", account=name)
    await client.request(name)
    await client.request("balance", account=f"no {name}")
    await client.socket.send_json({"type": name, "id": name})
    await client.socket.send_str("no json")
    assert (await client.request("ping"))["type"] == "pong"


@pytest.mark.deploy
async def test_promtool_finds_nothing_to_complain_of() -> None:
    promtool = shutil.which("promtool") or shutil.which("promtool", path=_TOOLS)
    if promtool is None:
        pytest.fail(HOW)
    async with running() as source, running(service(Bridge("ledger", repost)), peers=_peer(source)) as one:
        await busy(source, "a")
        await busy(one, "a")
        await until(lambda: value(one, "websocket_bridge_events_total") == 2, "not taken in")
        for text in (metrics(source), metrics(one)):
            command = [promtool, "check", "metrics"]
            done = await asyncio.to_thread(
                subprocess.run, command, input=text, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_s6_no_client_makes_series_or_labels() -> None:
    async with running() as one:
        await busy(one, "a")
        before = re.sub(r" \S+$", "", metrics(one), flags=re.MULTILINE)
        for number in range(5):
            await busy(one, f"other-{number}")
        assert re.sub(r" \S+$", "", metrics(one), flags=re.MULTILINE) == before
        assert set(re.findall(r'(\w+)="', metrics(one))) <= LABELS


async def test_s6_what_is_counted_moves_when_it_happens() -> None:
    async with running(limits=limits(queue_bytes=64 * 1024)) as one:
        client, reader = await one.connect(), await one.connect()
        assert value(one, "websocket_connections_current") == 2
        epoch = (await client.request("subscribe", channel="account:a"))["data"]["epoch"]
        await post(client, range(1, 4))
        await reader.request("subscribe", channel="account:a", since={"epoch": epoch, "offset": 1})
        assert len(await events(reader, 2)) == 2
        await client.request("post", account="a", amount=-100)
        assert value(one, "websocket_replayed_events_total") == 2
        assert value(one, "websocket_errors_total", error_type="CONFLICT") == 1
        assert value(one, "websocket_events_total", channel_kind="account") == 3
        assert value(one, "websocket_messages_received_total", message_type="request") == 6
        assert value(one, "websocket_messages_sent_total", message_type="error") == 1
        assert value(one, "websocket_message_duration_seconds_count") == 6
        assert value(one, "websocket_broadcast_duration_seconds_count") == 3
        assert value(one, "websocket_log_lag_entries") == 0
        await reader.socket.close()
        await until(lambda: value(one, "websocket_connections_current") == 1, "a connection is left")
        assert value(one, "websocket_connections_total") == 2
        assert (value(one, "websocket_draining"), value(one, "websocket_ready")) == (0, 1)
        await one.server.drain()
        assert (value(one, "websocket_draining"), value(one, "websocket_ready")) == (1, 0)


def _peer(source: Running) -> dict[str, Peer]:
    return {"ledger": Peer(source.server.url)}
