"""The output and exit codes of the commands."""

import errno
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from click.testing import CliRunner, Result

from bodhisattva.chaos import cli, toxiproxy_server
from bodhisattva.chaos.cli import main
from bodhisattva.chaos.experiment import experiments
from bodhisattva.chaos.history import Operation
from bodhisattva.chaos.tests.histories import command, fault, history, log, phase, started

GOOD = [command("invoke", "a"), command("ok", "a"), log("a")]
CONNECTION_ERRORS = [command("invoke", "a"), command("ok", "a"), log()]
BITTEN = [fault("inject"), fault("evidence", bit=True, measured={"exit_code": -9})]
NOT_BITTEN = [fault("inject"), fault("evidence", bit=False, measured={"outcome": "answered"}), fault("heal")]


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *arguments])


def _saved(folder: Path, *operations: Operation) -> str:
    path = folder / "history.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in history(*operations)))
    return str(path)


@pytest.mark.parametrize(
    ("operations", "verdict", "code"),
    [
        ([started("durability", faults=("kill",)), *BITTEN, *GOOD, fault("heal")], "valid", 0),
        ([started("durability"), *CONNECTION_ERRORS], "invalid", 1),
        ([started("durability", faults=("kill",)), *NOT_BITTEN, *GOOD], "unknown", 3),
    ],
)
def test_a_saved_history_is_judged_again(operations: list[Operation], verdict: str, code: int, tmp_path: Path) -> None:
    result = _run("--replay", _saved(tmp_path, *operations))
    assert result.exit_code == code
    assert result.stdout.startswith("by-hand")
    assert f" {verdict} " in result.stdout


def test_what_was_found_is_shown(tmp_path: Path) -> None:
    result = _run("--replay", _saved(tmp_path, started("durability"), *CONNECTION_ERRORS))
    assert "durability: invalid" in result.stdout
    assert "'lost': {'count': 1, 'ids': ['a']}" in result.stdout


def test_a_fault_that_did_not_bite_is_shown_with_what_was_measured(tmp_path: Path) -> None:
    operations = [started("durability", faults=("kill",)), *NOT_BITTEN, *GOOD]
    result = _run("--replay", _saved(tmp_path, *operations))
    assert "kill on mahavishnu did not bite or was not healed: {'outcome': 'answered'}" in result.stdout


def test_of_a_run_that_was_broken_off_only_the_reason_is_shown(tmp_path: Path) -> None:
    operations = [started("durability", faults=("kill",)), phase("start", "failed", "no such port")]
    result = _run("--replay", _saved(tmp_path, *operations))
    assert result.exit_code == 3
    assert result.stdout.splitlines()[1:] == ["    start: no such port"]


def test_the_experiments_are_listed_with_their_purpose() -> None:
    result = _run("--list")
    assert result.exit_code == 0
    listed = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert listed == {name: each.purpose for name, each in experiments().items()}
    assert {"commands-through-kill", "compare-and-set-through-kill"} <= listed.keys()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["earthquake"], "no experiment is called 'earthquake'; there are: commands-through-kill, "),
        (["--replay", "nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
        (["--seed", "many"], "'many' is not a valid integer"),
    ],
)
def test_bad_input_is_answered_in_one_line_and_with_code_2(arguments: list[str], line: str) -> None:
    result = _run(*arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert line in result.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["run", "--seed", "x"],
            "Invalid value for '--seed': 'x' is not a valid integer. See `chaos run",
        ),
        (["run", "--stack", "x"], "Invalid value for '--stack': 'x' is not one of 'auto', 'process', 'docker'."),
        (["judge"], "No such command 'judge'. See `chaos --help`."),
        (["soak", "--minutes", "0"], "Invalid value for '--minutes': 0.0 is not in the range x>0. See `chaos soak"),
        (["soak", "long"], "Got unexpected extra argument (long) See `chaos soak --help`."),
    ],
)
def test_what_a_command_does_not_take_is_one_line(arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(main, arguments, prog_name="chaos")
    assert (result.exit_code, result.stderr.count("\n"), result.stdout) == (2, 1, ""), result.output
    assert result.stderr.startswith(f"Error: {line}")


@pytest.mark.parametrize(
    "arguments",
    [pytest.param(["run", "pause-and-resume", "--stack", "process"], marks=pytest.mark.deploy), ["soak"]],
)
def test_a_folder_that_cannot_be_made_is_one_line_and_no_verdict(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, [*arguments, "--out", "/proc/out"])
    assert result.exit_code == 2, result.output
    line = "Error: --out /proc/out: No such file or directory; name a folder that can be written."
    assert result.stderr.splitlines()[-1] == line


def test_a_disk_that_fills_up_meanwhile_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> NoReturn:
        raise ExceptionGroup("at the end", [OSError(errno.ENOSPC, "No space left on device")])

    monkeypatch.setattr(cli, "_run", full)
    monkeypatch.setattr(cli, "_choose", lambda *_: None)
    result = _run("pause-and-resume", "--out", str(tmp_path))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "No space left on device; the run ended there, and its history until then is kept." in result.stderr


def test_a_run_begins_without_what_an_earlier_one_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It may be killed before it comes to its last experiment."""
    first, second, other = (tmp_path / f"{name}-1" / "verdict.json" for name in list(experiments())[:3])
    for verdict in (first, second, other):
        verdict.parent.mkdir()
        verdict.touch()

    class Killed:
        def __init__(self, *_: object) -> None:
            raise OSError(errno.ENOSPC, "killed")

    monkeypatch.setattr(cli, "Run", Killed)
    monkeypatch.setattr(cli, "_choose", lambda *_: None)
    monkeypatch.setenv("BODHISATTVA_RUN", "this one")
    _run(*list(experiments())[:2], "--out", str(tmp_path))
    assert not first.exists()
    assert not second.exists()
    assert other.exists()
    assert (tmp_path / ".run").read_text() == "this one"


def test_a_file_that_is_no_history_is_named(tmp_path: Path) -> None:
    path = tmp_path / "verdict.json"
    path.write_text("{}\n")
    result = _run("--replay", str(path))
    assert result.exit_code == 2
    assert f"{path}, line 1: not an operation of a history" in result.stderr


def test_without_a_toxiproxy_server_nothing_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(toxiproxy_server, "BUILT", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = _run("--stack", "process", "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert result.stderr == "Error: there is no toxiproxy-server in .tools/bin or on PATH: run ci/toxiproxy.\n"
    assert not (tmp_path / "out").exists()
