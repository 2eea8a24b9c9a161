"""The soak finds what grows, in histories written by hand and on servers that really leak."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bodhisattva.chaos.checkers import leaks
from bodhisattva.chaos.checkers.leaks import check
from bodhisattva.chaos.churn_client import ENDINGS
from bodhisattva.chaos.gauges import ANSWERS, CONNECTIONS, COUNTS, DESCRIPTORS, MEMORY
from bodhisattva.chaos.history import Operation, Type
from bodhisattva.chaos.operations import BASELINE, CHURN, FIRST_IDLE, GAUGES, SECOND_IDLE, SOAK
from bodhisattva.chaos.tests.histories import history
from bodhisattva.chaos.verdict import CheckResult, Verdict
from bodhisattva.reports.build import build

SERVICE = "excalidraw"
CLIENTS = 10


def values(**changed: float) -> dict[str, float]:
    return {**dict.fromkeys(COUNTS, 0.0), MEMORY: 50e6, **changed}


def gauges(stage: str, held: Mapping[str, float], type: Type = "ok") -> Operation:  # noqa: A002
    return Operation(0, "metrics", type, GAUGES, {"service": SERVICE, "stage": stage, "values": held})


def churned(type: Type = "ok", times: int = 100, reason: str = "") -> list[Operation]:  # noqa: A002
    value = {"service": SERVICE, "ending": "close", "reason": reason}
    return [Operation(0, f"client-{number % CLIENTS}", type, CHURN, value) for number in range(times)]


def course(
    first: Mapping[str, float] = {}, second: Mapping[str, float] = {}, soak: tuple[dict[str, float], ...] = ()
) -> list[Operation]:
    """What was held at both idle stages and in the soak; at the baseline nothing was."""
    steady = values(**{CONNECTIONS: CLIENTS})
    return [
        gauges(BASELINE, values()),
        *churned(),
        gauges(FIRST_IDLE, values(**first)),
        *(gauges(SOAK, held, "info") for held in soak or (steady,) * 9),
        gauges(SECOND_IDLE, values(**second)),
    ]


def judged(operations: list[Operation]) -> CheckResult:
    return check(history(*operations))


def finding(operations: list[Operation]) -> str:
    result = judged(operations)
    assert result.verdict is Verdict.INVALID
    found: list[str] = result.details["findings"]
    assert len(found) == 1
    return found[0]


def test_what_is_back_is_valid() -> None:
    allowed = {ANSWERS: 1.0, DESCRIPTORS: 12.0, MEMORY: 60e6}
    result = judged(course(allowed, allowed | {MEMORY: 60e6 + leaks.WHEN_IDLE}))
    assert (result.verdict, result.details["findings"]) == (Verdict.VALID, [])


@pytest.mark.parametrize("metric", COUNTS)
def test_a_count_that_is_not_back_is_named(metric: str) -> None:
    found = finding(course({}, {metric: 2.0}))
    assert found.startswith(f"{COUNTS[metric]}: 2 in the stage 'second idle', 0 in the stage ")


def test_memory_is_compared_when_idle() -> None:
    found = finding(course({MEMORY: 60e6}, {MEMORY: 65e6}))
    assert found == "memory: 5.0 MB more when idle again than when idle first, 50,000 bytes a connection"


def test_memory_that_rises_under_a_constant_load_is_found() -> None:
    rising = tuple(values(**{CONNECTIONS: CLIENTS, MEMORY: 50e6 + at * 1.5e6}) for at in range(9))
    assert finding(course(soak=rising)) == "memory: 9.0 MB more in the last third of the soak than in its first"


def test_a_service_that_is_gone_is_invalid_although_nothing_can_be_compared() -> None:
    gone = {"service": SERVICE, "stage": SOAK, "error": "connection refused"}
    assert finding([*churned(), Operation(0, "metrics", "fail", GAUGES, gone)]) == "gauges: connection refused"


@pytest.mark.parametrize(
    ("operations", "unknown"),
    [
        (course(soak=(values(**{CONNECTIONS: 5}),) * 9), "10 connections were due, and in the median there were 5"),
        ([*course(), *churned("info", 3, "TimedOut")], "3 connections failed: close: TimedOut"),
        (course()[:-1], "the run ended before the second idle stage"),
        ([], "the run ended before the second idle stage"),
    ],
)
def test_too_little_load_is_unknown(operations: list[Operation], unknown: str) -> None:
    result = judged(operations)
    assert (result.verdict, result.details["unknown"]) == (Verdict.UNKNOWN, unknown)


def test_connections_that_the_end_of_a_stage_dropped_have_not_failed() -> None:
    assert judged([*course(), *churned("info", 10)]).verdict is Verdict.VALID


def soak(out: Path, minutes: float, *launcher: str) -> tuple[int, dict[str, Any]]:
    """A soak of some seconds: its exit code and its checker's result."""
    short = ("--minutes", str(minutes), "--connections", "16", "--out", str(out))
    broken = ("--launcher", f"{sys.executable} -m {' '.join(launcher)}") if launcher else ()
    command = [sys.executable, "-m", "bodhisattva.chaos", "soak", *short, *broken]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    verdict = out / "soak-1" / "verdict.json"
    assert verdict.exists(), ended.stderr
    report = json.loads(verdict.read_text())
    assert ended.stdout.startswith(f"soak                       seed 1      {report['verdict']} ")
    return ended.returncode, report["checkers"][0]


@pytest.mark.timeout(240)
def test_a_real_service_releases_all(tmp_path: Path) -> None:
    code, result = soak(tmp_path, 0.2)
    assert (code, result["verdict"], result["details"]["findings"]) == (0, "valid", []), result
    assert result["details"]["connections"].keys() == ENDINGS.keys()
    page = build(tmp_path)
    assert page.exit_code == 0, page
    assert (tmp_path / "soak-1" / "timeline.svg").read_text().startswith("<?xml")


@pytest.mark.timeout(240)
def test_connections_that_stay_in_their_channels_are_found(tmp_path: Path) -> None:
    code, result = soak(tmp_path, 0.1, "bodhisattva.suites.meta.mutate", "keeps_ended_connections_present")
    assert (code, result["verdict"]) == (1, "invalid")
    named = {finding.partition(":")[0] for finding in result["details"]["findings"]}
    assert {"channels", "subscriptions"} <= named


@pytest.mark.timeout(240)
def test_memory_that_stays_is_found(tmp_path: Path) -> None:
    code, result = soak(tmp_path, 0.1, "bodhisattva.chaos.tests.leaking")
    assert (code, result["verdict"]) == (1, "invalid")
    assert any(" more when idle again than when idle first" in finding for finding in result["details"]["findings"])


def test_a_soak_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bodhisattva.chaos", "soak", "--connections", "100000000", "--out", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert ended.returncode == 2
    assert "open files are needed" in ended.stderr


@pytest.mark.timeout(120)
def test_a_soak_that_is_interrupted_is_unknown(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bodhisattva.chaos", "soak", "--connections", "4", "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:  # noqa: S603 - our own
        assert running.stderr is not None
        while "open: done" not in running.stderr.readline():
            assert running.poll() is None
        running.terminate()
        lines = running.stderr.read().splitlines()
    assert running.returncode == 130, lines
    assert lines[-1].startswith("interrupted; the stack is taken down")
    assert json.loads((tmp_path / "soak-1" / "verdict.json").read_text())["verdict"] == "unknown"
