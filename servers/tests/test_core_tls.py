"""TLS: what is half-configured is refused, and what is offered is strong (protocol 7)."""

import asyncio
import ssl
from asyncio import sslproto
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bodhisattva.fixtures.certificates import Authority, Certificate
from bodhisattva.servers.core.config import ConfigError, Tls
from bodhisattva.servers.core.transport import frames, websocket
from bodhisattva.servers.core.transport.tls import server_context
from bodhisattva.servers.tests.running import limits, running, unreading_peer, until

ONE_BURST = 7_000_000  # more than Linux keeps for a socket, less than may wait for a connection


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def files(authority: Authority, tmp_path: Path) -> dict[str, Any]:
    """Usable settings: a certificate, its key, and the authority as the clients' too."""
    chain, key = authority.server().write(tmp_path, "server")
    return {"certificate": str(chain), "key": str(key), "client_ca": str(authority.write(tmp_path))}


def test_s7_no_certificate_means_no_tls() -> None:
    assert server_context(Tls()) is None


@pytest.mark.parametrize(
    ("left_out", "more", "expected"),
    [
        (("key", "client_ca"), {}, "tls.key is missing"),
        (("certificate", "client_ca"), {}, "tls.certificate is missing"),
        (("certificate", "key"), {}, "needs tls.certificate and tls.key"),
        (("certificate", "key", "client_ca"), {"verify_client": True}, "needs tls.certificate and tls.key"),
        (("client_ca",), {"verify_client": True}, "tls.verify_client needs tls.client_ca"),
        ((), {"certificate": "/nowhere.pem"}, "tls.certificate /nowhere.pem is not a readable PEM certificate"),
        ((), {"key": "/nowhere.key"}, "tls.key /nowhere.key cannot be used"),
        ((), {"client_ca": "/nowhere.pem"}, "tls.client_ca /nowhere.pem is not a readable PEM certificate"),
    ],
)
def test_s7_half_configured_tls_is_refused(
    files: dict[str, Any], left_out: tuple[str, ...], more: dict[str, Any], expected: str
) -> None:
    settings = {name: value for name, value in files.items() if name not in left_out}
    with pytest.raises(ConfigError, match=expected):
        server_context(Tls(**(settings | more)))


def test_s7_a_key_of_another_certificate_is_refused(
    authority: Authority, files: dict[str, Any], tmp_path: Path
) -> None:
    _, other = authority.server().write(tmp_path, "other")
    with pytest.raises(ConfigError, match="cannot be used with"):
        server_context(Tls(files["certificate"], str(other)))


def test_s7_an_expired_certificate_is_refused(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.expired().write(tmp_path, "expired")
    with pytest.raises(ConfigError, match=r"expired on \d{4}-\d\d-\d\d; renew it"):
        server_context(Tls(str(chain), str(key)))


def test_s7_what_is_offered_is_forward_secret_and_authenticated(files: dict[str, Any]) -> None:
    context = server_context(Tls(**files))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_OPTIONAL
    for suite in context.get_ciphers():
        assert suite["protocol"] == "TLSv1.3" or suite["name"].startswith("ECDHE-"), suite
        assert suite["aead"], suite


def test_s7_clients_are_required_to_have_certificates_by_option(files: dict[str, Any]) -> None:
    context = server_context(Tls(**files, verify_client=True))
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED


async def test_s7_certificates_given_mean_no_plain_text(authority: Authority, files: dict[str, Any]) -> None:
    async with running(tls=Tls(**files)) as one:
        client = await one.connect(welcome=False, ssl=authority.trust())
        welcome = (await client.read())["data"]
        assert (welcome["secure"], welcome["tls_mode"]) == (True, "WSS")
        with pytest.raises(aiohttp.ClientConnectionError):
            await one._session.get(one.http.replace("https", "http"))


async def test_s7_a_reload_renews_the_certificate_and_drops_nobody(authority: Authority, files: dict[str, Any]) -> None:
    renewed_by = Authority()
    async with running(tls=Tls(**files)) as one:
        client = await one.connect(ssl=authority.trust())
        _replace(files, renewed_by.server())
        one.server.reload()
        assert (await client.request("ping"))["type"] == "pong"
        await one.connect(ssl=renewed_by.trust())


async def test_s7_what_a_reload_changes_in_the_features_is_claimed_in_the_welcome_too(
    authority: Authority, files: dict[str, Any]
) -> None:
    async with running(tls=Tls(**files)) as one:
        trust = authority.trust(authority.client())
        one.config = msgspec.structs.replace(one.config, tls=Tls(**files, verify_client=True))
        one.server.reload()
        client = await one.connect(welcome=False, ssl=trust)
        _, document = await one.get("/.well-known/bodhisattva.json", ssl=trust)
        assert (await client.read())["data"]["features"] == document["features"]
        assert "mtls" in document["features"]


async def test_s7_a_reload_refuses_to_fall_back_to_plain_text(authority: Authority, files: dict[str, Any]) -> None:
    async with running(tls=Tls(**files)) as one:
        one.config = msgspec.structs.replace(one.config, tls=Tls())
        one.server.reload()
        await one.connect(ssl=authority.trust())


async def test_s4_a_peer_behind_tls_that_reads_nothing_is_closed(authority: Authority, files: dict[str, Any]) -> None:
    async with running(tls=Tls(**files), limits=limits(queue_age=0.3)) as one:
        unreading = await asyncio.to_thread(unreading_peer, one.server.port, authority.trust())
        writer = await one.connect(ssl=authority.trust())
        connection = next(each for each in one.server.parts.connections if each.channels)
        while connection.outbox.size == 0:
            await writer.request("post", account="a", amount=1, note="x" * 10_000)
        await until(lambda: connection not in one.server.parts.connections, "the unreading peer was not let go")
        assert one.server.metrics.slow_consumers._value.get() == 1
        unreading.close()


async def test_s4_what_a_peer_that_reads_nothing_was_sent_at_once_ages_too(
    authority: Authority, files: dict[str, Any]
) -> None:
    async with running(tls=Tls(**files), limits=limits(queue_age=0.3)) as one:
        unreading = await asyncio.to_thread(unreading_peer, one.server.port, authority.trust())
        connection = next(each for each in one.server.parts.connections if each.channels)
        connection.push(frames.text(b"x" * ONE_BURST))
        await until(lambda: connection not in one.server.parts.connections, "the unreading peer was not let go")
        assert one.server.metrics.slow_consumers._value.get() == 1
        unreading.close()


def _replace(files: dict[str, Any], certificate: Certificate) -> None:
    Path(files["certificate"]).write_bytes(certificate.chain)
    Path(files["key"]).write_bytes(certificate.key)


async def test_what_is_read_in_chunks_is_read_whole(
    authority: Authority, files: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "_TIME_SLICE", 0.0)
    names = [f"{number}" for number in range(10_000)]
    async with running(tls=Tls(**files)) as one:
        client = await one.connect(ssl=authority.trust())
        for name in names:
            await client.socket.send_json({"type": "ping", "id": name})
        assert [(await client.read())["correlation_id"] for _ in names] == names
        await client.socket.close()
        await one.quiet()


async def test_a_tls_connection_has_a_small_buffer_and_asyncio_keeps_its_own(
    authority: Authority, files: dict[str, Any]
) -> None:
    async with running(tls=Tls(**files)) as one:
        await one.connect(ssl=authority.trust())
        (connection,) = one.server.parts.connections
        protocol: Any = connection._websocket.transport._ssl_protocol  # type: ignore[attr-defined]
        assert len(protocol._ssl_buffer) == 32 * 1024
        assert sslproto.SSLProtocol.max_size == 256 * 1024
