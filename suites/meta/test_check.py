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
        (("--version",), {}, "nothing was judged: the clauses were only listed, or help was printed"),
        (("--co",), {}, "nothing was judged: the clauses were only listed, or help was printed"),
        (("-p", "raises"), {}, "pytest ended with exit code 3 before the run began"),
        (("-p", "dies"), {}, "pytest ended with exit code -9 before the run began"),
        (("--lf",), {}, "unrecognized arguments: --lf"),
        ((), {}, "not ready: akosha"),
        (("--bogus",), {}, "unrecognized arguments: --bogus"),
        (("--profile", "core,corre"), {}, "there is no profile 'corre'; choose from: core, secure, durable"),
        ((), {"PYTEST_ADDOPTS": "--collect-only"}, "not ready: akosha"),
        ((), {"PYTEST_PLUGINS": "dies"}, "not ready: akosha"),
        ((), {"PYTHONOPTIMIZE": "1"}, "not ready: akosha"),
        ((), {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "yes"}, "not ready: akosha"),
        ((), {"PYTEST_TIMEOUT": "0.1"}, "not ready: akosha"),
    ],
)
def test_check_that_judged_nothing_is_one_line_and_2(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], line: str
) -> None:
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "target.yaml").write_text(TARGET)
    (tmp_path / "dies.py").write_text(DIES)
    (tmp_path / "raises.py").write_text("1 / 0\n")
    for name in ("conftest.py", "out/conftest.py"):  # neither is run
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(DIES)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --co\n")
    out = runs.write(tmp_path / "out", runs.all_passed())
    before = (out / "run.json").read_bytes()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "bodhisattva.servers.cli", "check", "target.yaml", "--out", "out", *arguments]
    checked = subprocess.run(  # noqa: S603 - our own
        command,
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": os.pathsep.join([str(tmp_path), kept.get("PYTHONPATH", "")])} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 2, checked
    assert line in checked.stderr.splitlines()[-1]
    assert "PASSED" not in checked.stdout
    ignored = [one for one in checked.stderr.splitlines() if one.startswith("bodhisattva: ignored ")]
    assert ignored == [f"bodhisattva: ignored {name}: what is set there could change a verdict" for name in environment]
    assert (out / "run.json").read_bytes() == before
