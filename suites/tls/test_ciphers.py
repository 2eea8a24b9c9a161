"""Cipher suites and key exchange (7, RFC 9325)."""

import re
import ssl

from bodhisattva.fixtures.certificates import trusting
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Raw
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.tls.contexts import only_suites, only_version, rejection_alert

# In TLS 1.3 every key exchange is ephemeral and every suite is an AEAD; 1.2 has both in the suite's name.
STRONG = re.compile(r"TLS_(AES|CHACHA20)\w+|(ECDHE|DHE)-(ECDSA|RSA)-.*(GCM|CCM|CHACHA20-POLY1305).*")
# By kind: CBC with a forward-secret exchange, exchange by the certificate's own key, no authentication.
WEAK = (
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384",
    "AES128-GCM-SHA256:AES256-GCM-SHA384",
    "AES128-SHA:AES256-SHA256",
    "AECDH-AES128-SHA:ADH-AES128-GCM-SHA256",
)


@clause(
    "TLS-006",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="What is agreed on is a forward-secret AEAD suite, even with a client that would rather have a weak one.",
    baseline="TestTLSConnections::tls_cipher_suites",
)
async def test_tls_cipher_suites(node: Node, raw: Raw) -> None:
    weak_first = only_suites(node, ":".join((*WEAK, "ECDHE+AESGCM", "ECDHE+CHACHA20")))
    offers = [
        only_version(node, ssl.TLSVersion.TLSv1_2),
        only_version(node, ssl.TLSVersion.TLSv1_3),
        weak_first,
    ]
    for offer in offers:
        peer = await raw(trust=offer)
        found = peer.tls.cipher() if peer.tls else None
        assert found is not None
        assert STRONG.fullmatch(found[0]), f"{found[0]} was agreed on"
        assert found[2] >= 128, f"{found[0]} has {found[2]} bits"


@clause(
    "TLS-007",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="Who offers only suites without forward secrecy, without AEAD or without authentication is turned down.",
)
async def test_weak_suites_are_refused(node: Node) -> None:
    for suites in WEAK:
        await rejection_alert(node, only_suites(node, suites))


@clause(
    "TLS-008",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="Clients that know only X25519 and clients that know only P-256 are both served.",
)
async def test_curves(node: Node, raw: Raw) -> None:
    for curve in ("X25519", "prime256v1"):
        offer = trusting(node.ca)
        offer.set_ecdh_curve(curve)
        try:
            await raw(trust=offer)
        except OSError as error:
            raise AssertionError(f"a client that knows only {curve} is not served: {error!r}") from error
