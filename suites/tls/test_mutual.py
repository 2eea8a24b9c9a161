"""Mutual TLS (7): with `verify_client`, who shows no certificate of the right authority gets nowhere."""

import ssl

from bodhisattva.fixtures.certificates import Authority, Certificate, trusting
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh, Raw
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.tls.mutual import spawn_mutual


async def _assert_shut_out(raw: Raw, node: Node, client: Certificate | None) -> None:
    """By an alert or a cut, in the handshake or (TLS 1.3) when the first answer is awaited."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        trust = trusting(node.ca, client)
        trust.minimum_version = trust.maximum_version = version
        try:
            peer = await raw(node, upgrade=False, trust=trust)
            answer = await peer.upgrade()
        except ssl.SSLCertVerificationError as error:
            raise AssertionError(f"this side refused, not the service: {error}") from error
        except (OSError, EOFError):
            continue
        raise AssertionError(f"{version.name}: the service answered HTTP {answer.status}")


@clause(
    "TLS-010",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="With client verification on, a client without a certificate gets no connection.",
)
async def test_mutual_tls_refuses_no_certificate(fresh: Fresh, raw: Raw, certificates: Authority) -> None:
    await _assert_shut_out(raw, await spawn_mutual(fresh, certificates), None)


@clause(
    "TLS-011",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="With client verification on, a certificate of another authority gets no connection.",
)
async def test_mutual_tls_refuses_other_authority(fresh: Fresh, raw: Raw, certificates: Authority) -> None:
    await _assert_shut_out(raw, await spawn_mutual(fresh, certificates), Authority().client())


@clause(
    "TLS-012",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="With client verification on, a certificate of the named authority is accepted, the token is still "
    "required, and the service claims mtls.",
)
async def test_mutual_tls_accepts_right_certificate(
    fresh: Fresh, connect: Connect, certificates: Authority, sample: RequestSamples
) -> None:
    node = await spawn_mutual(fresh, certificates)
    assert "mtls" in await node.features()
    client = await connect(node)
    await client.answer(*sample.command())
    without_token = await connect(node, authenticate=False)
    assert (await without_token.refusal("ping")).error_code == "AUTH_REQUIRED"
