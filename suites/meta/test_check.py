"""`bodhisattva check` in a folder that holds an earlier run: a run that judged nothing does not show its results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bodhisattva.reports.tests import runs

TARGET = "credentials: {secret_file: secret}\nservices: {akosha: {url: 'ws://127.0.0.1:9/ws'}}\n"
DIES = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (("--version",), {}, "pytest ended with exit code 0 before the run began"),
        (("--co",), {}, "pytest ended with exit code 0 before the run began"),
        ((), {"PYTEST_ADDOPTS": "--collect-only"}, "pytest ended with exit code 0 before the run began"),
        ((), {"PYTEST_PLUGINS": "raises"}, "pytest ended with exit code 3 before the run began"),
        ((), {"PYTEST_PLUGINS": "dies"}, "pytest ended with exit code -9 before the run began"),
        ((), {"PYTHONOPTIMIZE": "1"}, "Python's assertions are off"),
        ((), {}, "not ready: akosha"),
        (("--bogus",), {}, "unrecognized arguments: --bogus"),
        (("--profile", "core,corre"), {}, "there is no profile 'corre'; choose from: core, secure, durable"),
    ],
)
def test_check_that_judged_nothing_is_one_line_and_2(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], line: str
) -> None:
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "target.yaml").write_text(TARGET)
    (tmp_path / "dies.py").write_text(DIES)
    (tmp_path / "raises.py").write_text("1 / 0\n")
    out = runs.write(tmp_path / "out", runs.all_passed())
    before = (out / "run.json").read_bytes()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "bodhisattva.servers.cli", "check", "target.yaml", "--out", "out", *arguments]
    checked = subprocess.run(  # noqa: S603 - our own
        command,
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 2, checked
    assert line in checked.stderr.splitlines()[-1]
    assert "PASSED" not in checked.stdout
    assert (out / "run.json").read_bytes() == before
