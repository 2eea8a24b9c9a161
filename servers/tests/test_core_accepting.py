"""Silent sockets are counted and bounded, and a lack of descriptors costs nobody who is connected (protocol 4)."""

import errno
import os
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bodhisattva.fixtures.certificates import Authority
from bodhisattva.servers.core.config import ConfigError, Limits, Tls
from bodhisattva.servers.core.file_limit import OTHERS, FileLimit
from bodhisattva.servers.core.transport.acceptor import listen
from bodhisattva.servers.tests.running import SECURED, Client, Running, limits, running, token, until
from bodhisattva.servers.tests.test_cli import OPEN, bodhisattva
from bodhisattva.servers.tests.test_core_log_lines import serving

PENDING = 3
SILENT = 40
SPARE = 10
WARNED = "cannot accept connections"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def certificate(authority: Authority, tmp_path: Path) -> dict[str, Any]:
    chain, key = authority.server().write(tmp_path, "server")
    return {"certificate": str(chain), "key": str(key)}


class Silent:
    """Sockets that are opened and send nothing."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def open(self, count: int) -> list[socket.socket]:
        """At the end of each, the system has connected it; the service may not have accepted it."""
        new = [socket.create_connection(("127.0.0.1", self._port)) for _ in range(count)]
        self._sockets += new
        return new

    def close(self) -> None:
        for each in self._sockets:
            each.close()


@asynccontextmanager
async def silent(port: int) -> AsyncIterator[Silent]:
    peers = Silent(port)
    try:
        yield peers
    finally:
        peers.close()


def closed(peer: socket.socket) -> bool:
    """Whether the service has closed it, with a FIN or a reset."""
    try:
        return peer.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


async def turned_away(peers: list[socket.socket], count: int) -> None:
    await until(lambda: sum(map(closed, peers)) == count, f"of {len(peers)} sockets {count} should be closed")


def sockets(one: Running) -> int:
    assert one.server._acceptor is not None
    return one.server._acceptor.sockets


async def test_s4_a_socket_over_the_limit_is_closed_and_open_connections_are_answered() -> None:
    async with running(limits=limits(pending_connections=PENDING)) as one, silent(one.server.port) as peers:
        client = await one.connect()
        await turned_away(peers.open(SILENT), SILENT - PENDING)
        assert (await client.request("ping"))["type"] == "pong"
        peers.close()
        await until(lambda: sockets(one) == 1, "the places of silent sockets are kept")
        await one.connect()


async def test_s4_refused_sockets_are_logged_once_a_second() -> None:
    with capture_logs() as lines:
        async with running(limits=limits(pending_connections=PENDING)) as one, silent(one.server.port) as peers:
            begun = time.monotonic()
            await turned_away(peers.open(SILENT), SILENT - PENDING)
            seconds = time.monotonic() - begun
    refused = [line for line in lines if line["event"].startswith("connections refused")]
    assert 1 <= len(refused) <= 1 + seconds


async def test_s4_tls_handshakes_count_before_and_after_a_renewed_context(
    authority: Authority, certificate: dict[str, Any]
) -> None:
    async with running(tls=Tls(**certificate), limits=limits(pending_connections=PENDING)) as one:
        async with silent(one.server.port) as peers:
            client = await one.connect(ssl=authority.trust())
            await turned_away(peers.open(SILENT), SILENT - PENDING)
            one.server.reload()
            await turned_away(peers.open(SILENT), SILENT)
            assert (await client.request("ping"))["type"] == "pong"
        await until(lambda: sockets(one) == 1, "the places of silent sockets are kept")
        await one.connect(ssl=authority.trust())


async def test_s4_a_failed_handshake_a_page_and_a_rejected_connection_give_their_places_back(
    authority: Authority, certificate: dict[str, Any]
) -> None:
    async with running(tls=Tls(**certificate), limits=limits(connections=1)) as one:
        client = await one.connect(ssl=authority.trust())
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await one.connect(ssl=Authority().trust())
        await one.get("/health", ssl=authority.trust(), headers={"Connection": "close"})
        assert await (await one.connect(welcome=False, ssl=authority.trust())).close_code() == 1013
        await until(lambda: sockets(one) == 1, "a socket that is closed is counted")
        await client.socket.close()
        await until(lambda: sockets(one) == 0, "a connection that is closed is counted")


async def test_s4_reloaded_limits_hold_for_sockets_too() -> None:
    async with running() as one, silent(one.server.port) as peers:
        one.config = type(one.config)(**{**_plain(one.config), "limits": limits(pending_connections=PENDING)})
        one.server.reload()
        await turned_away(peers.open(SILENT), SILENT - PENDING)


def _plain(config: Any) -> dict[str, Any]:
    return {key: getattr(config, key) for key in config.__struct_fields__}


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_s4_accepting_is_tried_again_a_pause_after_the_system_refused(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    async with running() as one, silent(one.server.port) as peers:
        client = await one.connect()
        attempts: list[float] = []

        def refuse(_: socket.socket) -> None:
            attempts.append(time.monotonic())
            raise OSError(number, os.strerror(number))

        with capture_logs() as lines:
            begun = time.monotonic()
            monkeypatch.setattr(socket.socket, "accept", refuse)
            peers.open(SILENT)
            await until(lambda: len(attempts) >= 3, "accepting is not tried again")
            assert (await client.request("ping"))["type"] == "pong"
            seconds = time.monotonic() - begun
            monkeypatch.undo()
        assert len(attempts) <= 2 + seconds / 0.1
        warned = [line for line in lines if line["event"] == WARNED]
        assert 1 <= len(warned) <= 1 + seconds
        assert warned[0]["reason"] == os.strerror(number)
        await one.connect()


@pytest.mark.parametrize("secure", [False, True])
async def test_s4_out_of_descriptors_a_service_answers_open_connections(
    authority: Authority, certificate: dict[str, Any], tmp_path: Path, *, secure: bool
) -> None:
    """The limit is taken from under a running service: at the start it would have made its own limits fit."""
    tls = {f"tls__{key}": value for key, value in certificate.items()} if secure else {}
    scheme, trust = ("wss", authority.trust()) if secure else ("ws", None)
    with serving(tmp_path, **tls) as service:
        await service.ready()
        async with aiohttp.ClientSession() as session, silent(service.port) as peers:
            url = f"{scheme}://localhost:{service.port}/ws"
            client = Client(await session.ws_connect(url, ssl=trust or True))
            await client.request("auth", token=token(user_id="ada"))
            pid, before = service.process.pid, len(service.lines())
            allowed = len(os.listdir(f"/proc/{pid}/fd")) + SPARE  # noqa: PTH208 - no file, but the kernel's
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (allowed, hard))
            begun = time.monotonic()
            peers.open(SILENT)
            await until(lambda: WARNED in service.text(), "descriptors did not run out")
            assert (await client.request("ping"))["type"] == "pong"
            lines = len(service.lines()) - before
            assert lines <= 1 + time.monotonic() - begun
            peers.close()
            await (await session.ws_connect(url, ssl=trust or True)).close()


async def test_s4_a_service_that_cannot_raise_its_limit_claims_and_keeps_what_fits(tmp_path: Path) -> None:
    with serving(tmp_path, files="1024") as service:
        await service.ready()
        async with aiohttp.ClientSession() as session, silent(service.port) as peers:
            async with session.get(f"http://localhost:{service.port}/.well-known/bodhisattva.json") as answer:
                claimed = (await answer.json())["limits"]
            assert claimed["connections"] + claimed["pending_connections"] + OTHERS == 1024
            client = Client(await session.ws_connect(f"ws://localhost:{service.port}/ws"))
            await client.request("auth", token=token(user_id="ada"))
            count = claimed["pending_connections"] + SILENT
            opened = peers.open(count)
            await until(lambda: sum(map(closed, opened)) >= SILENT - 1, "nobody is turned away")
            assert (await client.request("ping"))["type"] == "pong"
        service.end()
        (lowered,) = [line for line in service.lines() if line["event"].startswith("limits lowered")]
        assert lowered["connections"] == claimed["connections"]
        assert not [line for line in service.lines() if line["event"] == WARNED]


def test_a_hard_limit_that_is_small_makes_the_limits_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = _limit_files(monkeypatch, 1024, 1024)
    given = FileLimit().fit("akosha", Limits())
    assert given.connections + given.pending_connections + OTHERS == 1024
    assert given.connections > 3 * given.pending_connections
    assert raised == []


def test_the_soft_limit_is_raised_to_what_all_services_need(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = _limit_files(monkeypatch, 1024, 500_000)
    descriptors = FileLimit(2)
    assert descriptors.fit("akosha", Limits()) == Limits()
    assert descriptors.fit("dhruva", Limits(connections=5000)) == Limits(connections=5000)
    assert raised == [(2000 + OTHERS, 500_000), (8000 + 2 * OTHERS, 500_000)]


def test_services_of_a_process_share_a_small_hard_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    _limit_files(monkeypatch, 1024, 4096)
    descriptors = FileLimit(7)
    given = [descriptors.fit(name, Limits()) for name in "abcdefg"]
    assert sum(each.connections + each.pending_connections + OTHERS for each in given) <= 4096


def test_a_hard_limit_that_leaves_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _limit_files(monkeypatch, 128, 128)
    with pytest.raises(ConfigError, match="may open 128 files, and each of its services needs 192; raise the hard"):
        FileLimit().fit("akosha", Limits())


def _limit_files(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int) -> list[tuple[int, int]]:
    """Pretend these limits; what they are set to later."""
    raised: list[tuple[int, int]] = []
    now = [(soft, hard)]

    def set_limits(_: int, wanted: tuple[int, int]) -> None:
        raised.append(wanted)
        now[0] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: now[0])
    monkeypatch.setattr(resource, "setrlimit", set_limits)
    return raised


def test_all_of_ipv6_is_all_of_ipv4_too() -> None:
    with listen("::", 0) as listener:
        port = listener.getsockname()[1]
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as peer:
                peer.connect((host, port))


def test_one_address_of_ipv6_is_that_one_only() -> None:
    with listen("::1", 0) as listener, socket.socket() as peer, pytest.raises(ConnectionRefusedError):
        peer.connect(("127.0.0.1", listener.getsockname()[1]))


@pytest.mark.parametrize(("host", "address"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("localhost", "localhost")])  # noqa: S104
async def test_the_url_that_is_printed_is_one_to_connect_to(host: str, address: str) -> None:
    async with running(host=host, **SECURED) as one:
        assert one.server.url == f"ws://{address}:{one.server.port}/ws"
        await one.connect(token=token())


async def test_an_ipv4_client_of_all_addresses_counts_by_its_ipv4_address() -> None:
    async with running(host="::", **SECURED) as one:
        peer = await one._session.ws_connect(f"ws://127.0.0.1:{one.server.port}/ws")
        (connection,) = one.server.parts.connections
        assert connection.address == "127.0.0.1"
        await peer.close()


def test_no_host_is_one_line(tmp_path: Path) -> None:
    code, output = bodhisattva("serve", "akosha", folder=tmp_path, settings=OPEN | {"host": ""})
    assert (code, output.count("\n")) == (2, 1)
    assert "host" in output
