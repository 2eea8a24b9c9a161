"""Starts and ends the real Toxiproxy server: a subprocess, or a container beside the containers that it breaks."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import docker
import requests
from docker.errors import ImageNotFound
from toxiproxy import Toxiproxy as Api

from bodhisattva.chaos.toxiproxy import LIMIT, ToxiproxyError
from bodhisattva.fixtures.clock import TimedOut, eventually
from bodhisattva.fixtures.loopback import direct
from bodhisattva.fixtures.stack import guard
from bodhisattva.fixtures.stack.controls import StackError
from bodhisattva.fixtures.stack.docker import labels
from bodhisattva.fixtures.stack.ports import free_port
from bodhisattva.fixtures.stack.testcontainers import DockerContainer

HOST = "127.0.0.1"
NAME = "toxiproxy-server"
IMAGE = "bodhisattva-toxiproxy:2.12.0"
BUILT = Path(__file__).resolve().parents[1] / ".tools" / "bin" / NAME
START_BOUND = 15.0


def require(kind: str) -> None:
    """StackError, in one line, if there is no Toxiproxy server for this kind of stack."""
    if kind == "docker":
        _require_image()
    else:
        _binary()


@asynccontextmanager
async def toxiproxy_server(kind: str, owner: int, log: Path) -> AsyncIterator[None]:
    """A Toxiproxy server that toxiproxy-python talks to; its output goes to `log` at the latest when it ends.

    Its API and its links are on 127.0.0.1 in both kinds: the container shares this machine's network, so that a
    link leads to the same address as a client's own way to the service.
    """
    direct()
    port = free_port()
    arguments = [f"-host={HOST}", f"-port={port}"]
    with _container(arguments, owner, log) if kind == "docker" else _process(arguments, log):
        # toxiproxy-python keeps the address in its class: one server per process at a time.
        Api().update_api_consumer(HOST, port)
        await _ready(port)
        yield


async def _ready(port: int) -> None:
    def answers() -> bool:
        try:
            return requests.get(f"http://{HOST}:{port}/version", timeout=LIMIT).ok
        except requests.ConnectionError:
            return False

    try:
        await eventually(answers, f"Toxiproxy to answer on port {port}", START_BOUND)
    except TimedOut as error:
        raise ToxiproxyError(str(error)) from error


@contextmanager
def _process(arguments: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own
            [_binary(), *arguments], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        guard.watch(process.pid)
        try:
            yield
        finally:
            process.kill()
            process.wait(LIMIT)


@contextmanager
def _container(arguments: list[str], owner: int, log: Path) -> Iterator[None]:
    container = DockerContainer(IMAGE).with_command(arguments)
    container.with_kwargs(network_mode="host", labels=labels(owner))
    container.start()
    try:
        yield
    finally:
        log.write_bytes(container.get_wrapped_container().logs())
        container.stop()


def _binary() -> str:
    found = str(BUILT) if BUILT.exists() else shutil.which(NAME)
    if found is None:
        raise StackError(f"there is no {NAME} in .tools/bin or on PATH: run ci/toxiproxy.")
    return found


def _require_image() -> None:
    client = docker.from_env()
    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        raise StackError(f"there is no image {IMAGE}: run ci/toxiproxy --image.") from None
    finally:
        client.close()
