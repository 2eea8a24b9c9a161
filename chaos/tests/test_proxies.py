"""With a proxy in the environment: Toxiproxy, which runs on this machine, is reached directly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bodhisattva.chaos.toxiproxy import Link
from bodhisattva.fixtures.tests.proxy import answering, lead_to

pytestmark = pytest.mark.deploy

START = """
import asyncio, pathlib, sys
from toxiproxy import Toxiproxy
from bodhisattva.chaos.toxiproxy import call
from bodhisattva.chaos.toxiproxy_server import toxiproxy_server

async def main():
    async with toxiproxy_server("process", 0, pathlib.Path(sys.argv[1])):
        print(await call("listing", Toxiproxy().proxies))

asyncio.run(main())
"""


async def test_a_link_is_broken_and_healed_without_the_proxy(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({}) as proxy:
        lead_to(proxy, monkeypatch)
        await link.add_toxic("latency", latency=1, jitter=0)
        await link.disable()
        await link.reset()
        assert proxy.seen == []


def test_the_server_is_started_without_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({}) as proxy:
        lead_to(proxy, monkeypatch)
        command = [sys.executable, "-c", START, str(tmp_path / "log")]
        done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)  # noqa: S603
        assert (done.stdout, proxy.seen) == ("{}\n", []), done.stderr
