"""What sslyze finds at a live service: Mozilla's 'intermediate' configuration, or better (protocol 7)."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bodhisattva.fixtures.certificates import Authority
from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.tests.running import running

HOW = "there is no sslyze, which this test needs: ./ci/sslyze installs it"
_TOOLS = Path(__file__).resolve().parents[2] / ".tools" / "sslyze" / "bin"
_SCANS = ("--mozilla_config=intermediate", "--resum", "--early_data")
# The certificate is one of a test's authority; and OpenSSL's two stronger curves cannot be turned off from Python.
_DEVIATIONS = {
    "certificate_path_validation: Certificate path validation failed",
    "maximum_certificate_lifespan: Certificate life span is",
    "tls_curves: TLS curves {'X448', 'secp521r1'} are supported, but should be rejected",
}


@pytest.fixture(scope="module")
async def findings(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What sslyze prints, and its results by scan."""
    scanner = shutil.which("sslyze") or shutil.which("sslyze", path=_TOOLS)
    if scanner is None:
        pytest.fail(HOW)
    folder = tmp_path_factory.mktemp("scan")
    chain, key = Authority().server().write(folder, "server")
    async with running(tls=Tls(str(chain), str(key))) as one:
        address = f"127.0.0.1:{one.server.port}"
        report = folder / "report.json"
        process = await asyncio.create_subprocess_exec(
            scanner, *_SCANS, f"--json_out={report}", address, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 50)
    (scanned,) = json.loads(report.read_text())["server_scan_results"]
    return printed.decode(), {name: scan["result"] for name, scan in scanned["scan_result"].items() if scan}


def test_s7_mozilla_finds_nothing_else_to_change(findings: tuple[str, dict[str, Any]]) -> None:
    printed, _ = findings
    _, _, compliance = printed.partition("COMPLIANCE AGAINST TLS CONFIGURATION")
    assert 'Mozilla\'s "intermediate"' in compliance
    named = [line.strip(" *") for line in compliance.splitlines() if line.strip().startswith("* ")]
    swapped = [line.replace("{'secp521r1', 'X448'}", "{'X448', 'secp521r1'}") for line in named]
    unknown = [line for line in swapped if not any(line.startswith(known) for known in _DEVIATIONS)]
    assert not unknown


def test_s7_no_old_version_is_spoken(findings: tuple[str, dict[str, Any]]) -> None:
    _, found = findings
    spoken = {name for name in found if name.endswith("cipher_suites") and found[name]["is_tls_version_supported"]}
    assert spoken == {"tls_1_2_cipher_suites", "tls_1_3_cipher_suites"}


def test_s7_both_curves_of_the_protocol_are_offered(findings: tuple[str, dict[str, Any]]) -> None:
    _, found = findings
    offered = {curve["name"] for curve in found["elliptic_curves"]["supported_curves"]}
    assert {"X25519", "secp256r1"} <= offered


def test_s7_nothing_is_compressed_renegotiated_or_sent_early(findings: tuple[str, dict[str, Any]]) -> None:
    _, found = findings
    assert not found["tls_compression"]["supports_compression"]
    assert found["session_renegotiation"]["supports_secure_renegotiation"]
    assert not found["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"]
    assert not found["tls_1_3_early_data"]["supports_early_data"]


def test_s7_no_tickets_are_given(findings: tuple[str, dict[str, Any]]) -> None:
    _, found = findings
    assert found["session_resumption"]["tls_ticket_resumption_result"] == "NOT_SUPPORTED"
