"""Versions of TLS (7, RFC 8996)."""

import ssl

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Raw
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.tls.contexts import only_version, rejection_alert


@clause(
    "TLS-004",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A client that offers nothing newer than TLS 1.0 or 1.1 is turned down by the server.",
)
async def test_old_versions_are_refused(node: Node) -> None:
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        await rejection_alert(node, only_version(node, version))


@clause(
    "TLS-005",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="TLS 1.2 and TLS 1.3 are both supported.",
)
async def test_current_versions_are_accepted(node: Node, raw: Raw) -> None:
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        try:
            peer = await raw(trust=only_version(node, version))
        except OSError as error:
            raise AssertionError(f"{name} is not spoken: {error!r}") from error
        assert peer.tls is not None
        assert peer.tls.version() == name
