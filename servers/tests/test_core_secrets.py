"""No secret in any line that a service writes, at any level, whatever goes wrong (protocol 1)."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml

from bodhisattva.servers.core.auth.keys import secret_key
from bodhisattva.servers.core.auth.tokens import mint
from bodhisattva.servers.core.config import without_password
from bodhisattva.servers.core.log import sharing
from bodhisattva.servers.tests.redis_server import RedisServer, redis_server
from bodhisattva.servers.tests.running import until

SECRET = "the-secret-0f-thi5-fleet-that-nobody-may-read"
PASSWORD = "the-pa55w0rd-of-redis"
PEER = "t0ken.of-the-peer.in-its-file"
ELSEWHERE = "another-secret-0f-s0mebody-else-altogether"
LONG = 45.0


@dataclass
class Service:
    """A fastblocks at debug level, with a bridge to a mahavishnu that refuses its token."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def output(self) -> str:
        return (self.folder / "reported").read_text()

    async def expected(self, words: str, times: int = 1) -> None:
        def has_logged() -> bool:
            assert self.process.poll() is None, self.output
            return self.output.count(words) >= times

        await until(has_logged, f"{words!r} is not in the log", LONG)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, redis: RedisServer) -> Iterator[Service]:
    port, source = free_port(), free_port()
    (folder / "peer-token").write_text(PEER)
    settings = {
        "tokens": {"secret": SECRET},
        "log": {"kind": "redis", "url": f"redis://service:{PASSWORD}@127.0.0.1:{redis.port}/0", "timeout": 0.5},
        "logging": {"level": "debug"},
        "peers": {"mahavishnu": {"url": f"ws://127.0.0.1:{source}/ws", "token_file": "peer-token"}},
        "services": {"fastblocks": {"port": port}, "mahavishnu": {"port": source}},
    }
    (folder / "fleet.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "bodhisattva.servers.cli", "serve", "fastblocks", "mahavishnu"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BODHISATTVA_")}
    with (folder / "reported").open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - this interpreter
            [*command, "-c", "fleet.yaml"], cwd=folder, env=environment, stdout=output, stderr=output
        )
    try:
        yield Service(folder, port, process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server(user=f"service on >{PASSWORD} ~* &* +@all") as server:
        yield server


def first(token: str) -> str:
    return json.dumps({"type": "request", "id": "1", "event": "auth", "data": {"token": token}})


async def try_everything(port: int, good: str, bad: str) -> None:
    """Authentications that fail in every way, tokens where none belong or where browsers put them, and no requests."""
    url = f"http://127.0.0.1:{port}/ws"
    async with aiohttp.ClientSession() as session:
        for header in (f"Bearer {bad}", f"Basic {bad}", bad, f"Bearer {good} {good}", f"Bearer {'x' * 9000}"):
            async with session.get(url, headers={"Authorization": header}) as answer:
                assert answer.status >= 400
        for text in (first(bad), first(bad) + "}", first(bad).replace("request", "auth"), good, f'"{bad}"'):
            async with session.ws_connect(f"{url}?token={good}&jwt={bad}") as client:
                await client.send_str(text)
                async for _ in client:
                    pass
        async with session.ws_connect(url, protocols=("bearer", good)) as client:
            await client.send_str(first(good))
            for event in ("refresh_token", "subscribe", "set_state", good, "get_state"):
                await client.send_json({"type": "request", "event": event, "data": {"token": bad, "channel": good}})
            await client.send_bytes(good.encode())
            async for _ in client:
                pass
    for head in (f"GET /{good} HTTP/1.1\r\nAuthorization: Bearer {bad}\r\n\r\n", f"{good} {bad}\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        await reader.read()
        writer.close()


@pytest.mark.timeout(150)
async def test_no_secret_is_written_whatever_goes_wrong(tmp_path: Path, redis: RedisServer) -> None:
    good = mint(secret_key(SECRET), "ada", ["admin"], 600)
    bad = mint(secret_key(ELSEWHERE), "eve", ["admin"], 600)
    with serving(tmp_path, redis) as service:
        await service.expected("listening")
        await service.expected("bridge")
        await try_everything(service.port, good, bad)
        configuration = tmp_path / "fleet.yaml"
        whole = configuration.read_text()
        misspelt, alias = whole.replace("secret:", "secrt:"), whole.replace("secret: ", "secret: *")
        wrong = [whole + "\n  }{", alias, misspelt, "}" + whole]
        for number, text in enumerate(wrong, 1):
            configuration.write_text(text)
            service.process.send_signal(signal.SIGHUP)
            await service.expected("reload refused", 2 * number)
        redis.kill()
        await service.expected("store unavailable")
        redis.start()
        await service.expected("store available again")
        service.process.terminate()
        await asyncio.to_thread(service.process.wait, LONG)
        secrets = (SECRET, PASSWORD, PEER, ELSEWHERE, *good.split(".")[1:], *bad.split(".")[1:])
        for secret in secrets:
            assert secret not in service.output, [line for line in service.output.splitlines() if secret in line]


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:hush@host:6379/0",
        "redis://:hush@host",
        "redis://:hu/sh@host",
        "redis://:hu@sh@host/0",
        "rediss://host/0?password=hush&db=1",
        "redis+sentinel://user:hush@one,two:26379/master",
        "redis:user:hush@host",
        "redis://user:hu\nsh@host",
    ],
)
def test_a_password_in_a_url_is_not_shown(url: str) -> None:
    shown = without_password(url)
    assert "hu" not in shown
    assert "sh" not in shown.replace("hidden", "")
    assert "host" in shown or "one,two" in shown


COMMANDS = [["serve", "fastblocks"], ["token", "revoke", "a-jti"], ["log", "verify", "fastblocks"]]


@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_an_unusable_url_of_redis_is_one_line_that_shows_nothing_of_it(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "fleet.yaml").write_text(
        yaml.safe_dump(
            {"auth": "disabled", "log": {"kind": "redis", "url": "redis://service:12/hush#sh@127.0.0.1:1/0"}}
        )
    )
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "bodhisattva.servers.cli", *command, "-c", "fleet.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"bodhisattva: {sharing.UNUSABLE}\n")
