"""The soak finds what grows, on courses written by hand and on servers that really leak."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bodhisattva.chaos.soak import judge as judging
from bodhisattva.chaos.soak.gauges import ANSWERS, COUNTS, MEMORY
from bodhisattva.chaos.soak.guest import ENDINGS
from bodhisattva.chaos.soak.judge import CONNECTIONS, DESCRIPTORS, judge
from bodhisattva.chaos.soak.pace import Pace
from bodhisattva.chaos.soak.record import EMPTY, FIRST_REST, SECOND_CROWD, SECOND_REST, Course, Sample
from bodhisattva.chaos.verdict import Verdict

SUBSCRIPTIONS = "websocket_subscriptions_current"
SIZE = 100


def values(**changed: float) -> dict[str, float]:
    return {**dict.fromkeys(COUNTS, 0.0), MEMORY: 50e6, **changed}


def course(
    first: Mapping[str, float] = {}, second: Mapping[str, float] = {}, crowd: tuple[dict[str, float], ...] = ()
) -> Course:
    """What was held at both rests and in the second crowd, beside nothing at all when the service was empty."""
    steady = values(**{CONNECTIONS: SIZE})
    return Course(
        service="excalidraw",
        connections=SIZE,
        tls=False,
        seed=1,
        pace=Pace.of(60),
        visits={"close": 1000},
        hindered={},
        rests={EMPTY: values(), FIRST_REST: values(**first), SECOND_REST: values(**second)},
        samples=[Sample(float(at), SECOND_CROWD, held) for at, held in enumerate(crowd or (steady,) * 9)],
    )


def test_what_is_back_is_valid() -> None:
    allowed = {ANSWERS: 1.0, DESCRIPTORS: 12.0, MEMORY: 60e6}
    assert judge(course(allowed, allowed | {MEMORY: 60e6 + judging.AT_REST})) == (Verdict.VALID, [])


@pytest.mark.parametrize("metric", COUNTS)
def test_a_count_that_is_not_back_is_named(metric: str) -> None:
    verdict, (finding,) = judge(course({}, {metric: 2.0}))
    assert verdict is Verdict.INVALID
    assert finding.startswith(f"{COUNTS[metric]}: 2 in the phase 'second rest', 0 in the phase ")


def test_memory_is_compared_from_rest_to_rest() -> None:
    verdict, (finding,) = judge(course({MEMORY: 60e6}, {MEMORY: 65e6}))
    assert verdict is Verdict.INVALID
    assert finding == "memory: 5.0 MB more at the second rest than at the first, 5,000 bytes a visit"


def test_memory_that_rises_while_the_crowd_stays_the_same_is_found() -> None:
    rising = tuple(values(**{CONNECTIONS: SIZE, MEMORY: 50e6 + at * 1.5e6}) for at in range(9))
    verdict, (finding,) = judge(course(crowd=rising))
    assert verdict is Verdict.INVALID
    assert finding == "memory: 9.0 MB more in the last third of the second crowd than in its first"


def test_a_crowd_that_was_none_has_shown_nothing() -> None:
    verdict, (doubt,) = judge(course(crowd=(values(**{CONNECTIONS: 50}),) * 9))
    assert verdict is Verdict.UNKNOWN
    assert doubt == "the crowd was to be 100 connections, and in the median it was 50"
    hindered = msgspec.structs.replace(course(), hindered={"close: TimedOut": 21})
    assert judge(hindered) == (Verdict.UNKNOWN, ["21 visits were hindered: close: TimedOut"])


def soak(out: Path, minutes: float, *launcher: str) -> tuple[int, dict[str, Any], str]:
    """A soak of some seconds: its exit code, what it recorded, and what it printed."""
    short = ("--minutes", str(minutes), "--connections", "16", "--out", str(out))
    broken = ("--launcher", f"{sys.executable} -m {' '.join(launcher)}") if launcher else ()
    command = [sys.executable, "-m", "bodhisattva.chaos.soak", *short, *broken]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert (out / "soak.json").exists(), ended.stderr
    return ended.returncode, json.loads((out / "soak.json").read_text()), ended.stdout


@pytest.mark.timeout(240)
def test_nothing_stays_of_a_crowd_at_a_real_service(tmp_path: Path) -> None:
    code, record, printed = soak(tmp_path, 0.2)
    assert (code, record["verdict"], record["findings"]) == (0, "valid", []), printed
    assert record["course"]["visits"].keys() == ENDINGS.keys()
    assert "VALID: memory " in printed
    assert (tmp_path / "soak.svg").read_text().startswith("<?xml")


@pytest.mark.timeout(240)
def test_connections_that_stay_in_their_channels_are_found(tmp_path: Path) -> None:
    code, record, _ = soak(tmp_path, 0.1, "bodhisattva.suites.meta.mutate", "keeps_ended_connections_present")
    assert (code, record["verdict"]) == (1, "invalid")
    named = {finding.partition(":")[0] for finding in record["findings"]}
    assert {"channels", "subscriptions"} <= named


@pytest.mark.timeout(240)
def test_memory_that_stays_is_found(tmp_path: Path) -> None:
    code, record, _ = soak(tmp_path, 0.1, "bodhisattva.chaos.tests.leaking")
    assert (code, record["verdict"]) == (1, "invalid")
    assert any(" more at the second rest than at the first" in finding for finding in record["findings"])


def test_a_soak_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bodhisattva.chaos.soak", "--connections", "100000000", "--out", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert ended.returncode == 2
    assert "open files are needed" in ended.stderr


@pytest.mark.timeout(120)
def test_a_soak_that_is_interrupted_does_not_say_that_something_grew(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bodhisattva.chaos.soak", "--connections", "4", "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:  # noqa: S603 - our own
        assert running.stderr is not None
        assert "empty, until everything is back" in running.stderr.readline()
        running.terminate()
        said = running.stderr.read().splitlines()
    assert running.returncode == 130, said
    assert said[-1] == "interrupted; the service is taken down, and nothing is judged"
