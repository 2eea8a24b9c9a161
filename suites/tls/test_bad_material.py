"""Keys and certificates with which no service may start, least of all without TLS (7)."""

from collections.abc import Mapping
from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Fresh
from bodhisattva.suites.lifecycle.rejected_start import assert_start_rejected


async def _each_refused(fresh: Fresh, cases: Mapping[str, Mapping[str, Any]]) -> None:
    for mention, tls in cases.items():
        await assert_start_rejected(await fresh(wait=False, tls=tls), mention)


@clause(
    "TLS-013",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A certificate without a key, or a key without a certificate, is one line and exit code 2, never plain text.",
)
async def test_half_a_pair_is_refused(fresh: Fresh) -> None:
    await _each_refused(fresh, {"tls.key": {"key": None}, "tls.certificate": {"certificate": None}})


@clause(
    "TLS-014",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="Client verification without an authority is one line and exit code 2.",
)
async def test_verify_client_without_authority_is_refused(fresh: Fresh) -> None:
    await assert_start_rejected(await fresh(wait=False, tls={"verify_client": True}), "tls.client_ca")


@clause(
    "TLS-015",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A certificate, key or authority that is absent or no PEM is one line that names the file, and exit code 2.",
)
async def test_unreadable_files_are_refused(fresh: Fresh) -> None:
    cases: dict[str, dict[str, Any]] = {
        "absent.pem": {"certificate": "absent.pem"},
        "config.yaml": {"certificate": "config.yaml"},
        "absent.key": {"key": "absent.key"},
        "ca.pem": {"key": "ca.pem"},
        "absent-ca.pem": {"client_ca": "absent-ca.pem", "verify_client": True},
    }
    await _each_refused(fresh, cases)
