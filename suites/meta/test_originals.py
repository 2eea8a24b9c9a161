"""The published originals: which are found, how they are started, and why one cannot be."""

import sys
from pathlib import Path

import pytest

from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.suites.originals import original
from bodhisattva.suites.originals.original import ADAPTERS, Original, adapters, read
from bodhisattva.suites.originals.running import DidNotStart, Running

CHECKOUT = Path(__file__).resolve().parents[2]
VERSIONS = CHECKOUT / "ci" / "originals.txt"
SECRET = "s" * 64


def installed(folder: Path, service: str = "akosha", package: str = "akosha") -> Original:
    """An environment that has this interpreter, and a package without modules."""
    found = Original(service, package, "1.0", folder / "environment")
    found.interpreter.parent.mkdir(parents=True)
    found.interpreter.symlink_to(sys.executable)
    return found


def test_every_adapter_has_a_version_and_a_sample() -> None:
    versions = {each.service for each in read(VERSIONS, CHECKOUT)}
    assert set(adapters()) <= versions
    for service in adapters():
        RequestSamples.of(service, folders=[ADAPTERS.parent / "samples"])
        assert (ADAPTERS.parent / "samples" / f"{service}.yaml").exists()


def test_an_adapter_is_found_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    (tmp_path / "new_service.py").touch()
    assert adapters(tmp_path) == ("new-service",)


def test_versions_are_exact(tmp_path: Path) -> None:
    file = tmp_path / "versions.txt"
    file.write_text("akosha akosha>=1\n")
    with pytest.raises(ValueError, match="exact version"):
        read(file, tmp_path)


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    assert "could not be installed" in Original("akosha", "akosha", "1.0", tmp_path).why_not()


def test_a_package_without_a_server_is_told_from_one_without_an_adapter(tmp_path: Path) -> None:
    package = installed(tmp_path, "stranger", "stranger")
    modules = package.environment / "lib/python3.13/site-packages/stranger"
    modules.mkdir(parents=True)
    assert "no WebSocket server" in package.why_not()
    (modules / "server.py").write_text("class Live(WebSocketServer): ...")
    assert "there is no adapter" in package.why_not()


def test_a_server_that_ends_is_named_with_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "adapters"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "akosha.py").write_text("raise SystemExit('no such engine')")
    monkeypatch.setattr(original, "ADAPTERS", folder)
    monkeypatch.setattr("bodhisattva.suites.originals.running.ADAPTERS", folder)
    with Running(installed(tmp_path), tmp_path / "run", SECRET) as process, pytest.raises(DidNotStart) as raised:
        process.wait()
    assert "exit code 1: no such engine" in str(raised.value)
