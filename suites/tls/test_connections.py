"""Who is believed: a certificate that verifies, and those that must not be taken for one (7)."""

import pytest

from bodhisattva.fixtures.certificates import Authority, Certificate, self_signed
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import TlsRefused
from bodhisattva.suites.lifecycle.rejected_start import assert_start_rejected
from bodhisattva.suites.tls.contexts import restart_with


@clause(
    "TLS-001",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A client that verifies the certificate and its name gets a working connection that calls itself secure.",
    baseline="TestTLSConnections::wss_connection_with_valid_cert",
)
async def test_wss_connection_with_valid_cert(node: Node, connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    assert client.welcome is not None
    assert client.welcome.data["secure"] is True
    assert client.welcome.data["tls_mode"] == "WSS"
    await client.answer(*sample.command())
    sample.readback().check(await client.answer(*sample.readback().call))
    assert (await node.http("/health")).status == 200


@clause(
    "TLS-002",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A service shows the certificate that it was given, and a verifying client refuses one of another authority, "
    "a self-signed one and one for another name.",
    baseline="TestTLSConnections::wss_connection_fails_with_invalid_cert",
)
async def test_wss_connection_fails_with_invalid_cert(fresh: Fresh, connect: Connect, certificates: Authority) -> None:
    node = await fresh()
    await connect(node)
    cases: list[tuple[Certificate, str]] = [
        (Authority().server(), "unable to get local issuer|self-signed certificate in certificate chain"),
        (self_signed(), "self-signed certificate"),
        (certificates.wrong_name(), "mismatch"),
    ]
    for certificate, reason in cases:
        await restart_with(node, certificate)
        with pytest.raises(TlsRefused, match=reason):
            await connect(node)


@clause(
    "TLS-003",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A service whose certificate has expired does not start: one line with the reason, exit code 2.",
    baseline="TestTLSConnections::certificate_validation",
)
async def test_certificate_validation(fresh: Fresh, certificates: Authority) -> None:
    node = await fresh()
    await node.stop()
    await node.install(certificates.expired())
    earlier = await node.log()
    await node.start(wait=False)
    await assert_start_rejected(node, "certificate", "expired", earlier=earlier)
