"""Surroundings that could change a verdict are refused, before the folder of an earlier run is touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bodhisattva.reports.tests import runs
from bodhisattva.suites.meta.mutant_run import CHECKOUT

TEST = "suites/protocol/test_envelope.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a run needs, so that files can be put beside it."""
    for name in ("chaos", "fixtures", "python", "reports", "servers", "suites"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, symlinks=True)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    (tmp_path / "harmless.py").touch()
    return tmp_path


def run(checkout: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "pytest", TEST, "--stack", "process", "--services", "akosha", *arguments],
        cwd=checkout,
        env=kept | {"PYTHONPATH": "python"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PYTEST_ADDOPTS", "--collect-only"),
        ("PYTEST_PLUGINS", "harmless"),
        ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "yes"),
        ("PYTEST_TIMEOUT", "0.1"),
        ("PYTHONOPTIMIZE", "1"),
    ],
)
def test_variable_that_could_change_a_verdict_is_refused(checkout: Path, variable: str, value: str) -> None:
    out = runs.write(checkout / "earlier", runs.all_passed())
    before = (out / "run.json").read_bytes()
    ran = run(checkout, "--out", str(out), **{variable: value})
    line = f"ERROR: {variable}: what is set there could change a verdict; unset it.\n"
    assert (ran.returncode, ran.stderr) == (2, line), ran
    assert (out / "run.json").read_bytes() == before


def test_pytest_ini_of_somebody_else_is_refused(checkout: Path) -> None:
    (checkout / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    ran = run(checkout, "--out", "out")
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"ERROR: pytest's settings come from {checkout}/pytest.ini; ")
    assert "collected" in run(checkout, "--out", "out", "-c", "pyproject.toml", "--co").stdout


def test_conftest_of_somebody_else_is_refused(checkout: Path) -> None:
    (checkout / "conftest.py").touch()
    ran = run(checkout, "--out", "out")
    assert ran.returncode == 2
    line = f"ERROR: {checkout}/conftest.py could change a verdict; run with `--confcutdir=suites`.\n"
    assert ran.stderr == line
    assert "collected" in run(checkout, "--out", "out", "--confcutdir=suites", "--co").stdout


@pytest.mark.parametrize("more", ["0", "1"])
def test_nothing_beside_the_output_counts(checkout: Path, more: str) -> None:
    """Workers begin when the folder is there, by which pytest would go."""
    there = checkout.parent / f"{checkout.name}-out"
    there.mkdir()
    (there / "conftest.py").write_text("1 / 0\n")
    (there / "pytest.ini").write_text("[pytest]\n")
    ran = run(checkout, "--out", str(there / "run"), "-n", more, "-k", "nothing_of_this_name")
    assert ran.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, ran
