"""Services that another package brings, and what becomes of an entry point that brings none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bodhisattva.fixtures.sample_files import sampled
from bodhisattva.servers.registry import services

MODULE = """
from dataclasses import replace
from bodhisattva.servers.dhruva.service import SERVICE as its
SERVICE = replace(its, name="lending")
SAME = its
NONE = "lending"
"""


def listed(folder: Path, value: str) -> subprocess.CompletedProcess[str]:
    """`bodhisattva serve --list` where a package is installed whose entry point has this value."""
    (folder / "lending.py").write_text(MODULE, encoding="utf-8")
    information = folder / "lending-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: lending\nVersion: 1\n", encoding="utf-8")
    (information / "entry_points.txt").write_text(f"[bodhisattva.services]\nlending = {value}\n", encoding="utf-8")
    command = [sys.executable, "-m", "bodhisattva.servers.cli", "serve", "--list"]
    return subprocess.run(  # noqa: S603 - this interpreter
        command, env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, timeout=50, check=False
    )


def test_service_of_another_package_is_served_too(tmp_path: Path) -> None:
    done = listed(tmp_path, "lending:SERVICE")
    assert done.stdout.split() == sorted([*services(), "lending"]), done.stderr


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("absent:SERVICE", "cannot be loaded: No module named 'absent'"),
        ("lending:ABSENT", "cannot be loaded: module 'lending' has no attribute 'ABSENT'"),
        ("lending:NONE", "is no Service"),
        ("lending:SAME", "is a second service dhruva"),
    ],
)
def test_entry_point_that_is_of_no_use_is_named_in_one_line(tmp_path: Path, value: str, problem: str) -> None:
    done = listed(tmp_path, value)
    assert done.returncode == 2
    assert done.stderr == f"bodhisattva: the entry point lending ({value}) {problem}\n"


def test_every_service_of_this_package_can_be_judged() -> None:
    assert set(services()) <= set(sampled())
