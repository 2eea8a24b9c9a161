"""A server of another make, on another library: it passes the profile core, and a wrong one is found out."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bodhisattva.fixtures.stack.ports import free_port

FOREIGN = Path(__file__).parent / "foreign"
CHECK = (sys.executable, "-m", "bodhisattva.servers.cli", "check", "target.yaml", "--out", "out")
PARTIAL, FAILED = 3, 1
# Core clauses of the first minutes: a whole run takes as long as the claimed ping interval and more.
QUICK = "(test_malformed or test_violations or test_correlation or test_first_message or test_claims or test_requests)"

# What is wrong, the change to a file of the server, and the clause that it breaks.
WRONG = {
    "uncorrelated": ("notes.py", '{"correlation_id": other if name is None else name, **more}', "{}", "PROTOCOL-010"),
    "takes binary": ("server.py", 'return self.close(1003, "Text frames only")', "return None", "PROTOCOL-022"),
    "late utf-8": ("websockets_text.py", "self._decode(bytes(self.buffer), final=False)", "pass", "SECURITY-242"),
}


@contextmanager
def serving(folder: Path) -> Iterator[None]:
    """The server of a folder, and the target file for where it is."""
    port = free_port()
    target = yaml.safe_load((folder / "target.yaml").read_text(encoding="utf-8"))
    target["services"]["notes"] |= {"url": f"ws://127.0.0.1:{port}/ws", "ready": "port"}
    (folder / "target.yaml").write_text(yaml.safe_dump(target), encoding="utf-8")
    (folder / "secret").write_text("s" * 40, encoding="utf-8")
    process = subprocess.Popen([sys.executable, "server.py", str(port), "secret"], cwd=folder)  # noqa: S603 - our own
    try:
        while True:
            probe = subprocess.run(  # noqa: S603 - our own
                [sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"],
                capture_output=True,
                check=False,
            )
            if probe.returncode == 0:
                break
            assert process.poll() is None, "the server ended"
        yield
    finally:
        process.kill()
        process.wait()


def checked(folder: Path, selected: str) -> tuple[int, str, dict[str, dict[str, Any]]]:
    """Exit code, what was printed, and the results by clause, of a check."""
    with serving(folder):
        done = subprocess.run(  # noqa: S603 - our own
            [*CHECK, "-k", selected], cwd=folder, capture_output=True, text=True, timeout=500, check=False
        )
    rows = map(json.loads, (folder / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines())
    return done.returncode, done.stdout, {row["clause"]: row for row in rows if row["service"] == "notes"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOREIGN, tmp_path / "foreign"))


@pytest.mark.timeout(600)
def test_a_right_server_fails_nothing(folder: Path) -> None:
    code, printed, results = checked(folder, QUICK)
    assert [row for row in results.values() if row["outcome"] == "failed"] == [], printed
    assert results["PROTOCOL-010"]["outcome"] == "passed", printed
    assert code == PARTIAL, printed


@pytest.mark.timeout(600)
@pytest.mark.parametrize("wrong", ["takes binary", "late utf-8"])
def test_a_wrong_server_is_shown_what_it_violates(folder: Path, wrong: str) -> None:
    file, old, new, clause = WRONG[wrong]
    change(folder / file, old, new)
    code, printed, results = checked(folder, "test_binary_frame or test_bad_text")
    assert (code, results[clause]["outcome"]) == (FAILED, "failed"), printed
    evidence = "".join(file.read_text() for file in (folder / "out" / "allure-results").glob("*.txt"))
    assert ">>" in evidence, "there is no wire log"


@pytest.mark.timeout(600)
def test_answers_that_do_not_correlate_are_one_finding(folder: Path) -> None:
    file, old, new, clause = WRONG["uncorrelated"]
    change(folder / file, old, new)
    code, printed, results = checked(folder, QUICK)
    failed = {name for name, row in results.items() if row["outcome"] == "failed"}
    assert (code, failed) == (FAILED, {clause}), printed
    rests = [row for row in results.values() if row["reason"].startswith(f"because of {clause}: ")]
    assert len(rests) > 10
    assert f"{clause} at notes: the answer to auth has no correlation_id" in printed


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
