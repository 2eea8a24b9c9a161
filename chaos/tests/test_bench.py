"""The benchmark on servers that really run; its arithmetic, on measures written by hand."""

import json
import os
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bodhisattva.chaos.bench import slow_disk
from bodhisattva.chaos.bench.machine import Machine
from bodhisattva.chaos.bench.plan import LOADS, TARGETS
from bodhisattva.chaos.bench.result import Result, Run, Spread, judged, rows
from bodhisattva.chaos.bench.sizes import Size
from bodhisattva.chaos.bench.subjects import OURS, PUBLISHED, RAW
from bodhisattva.chaos.bench.table import table

SCHEMA = json.loads((files("bodhisattva.chaos.bench") / "schema" / "bench-1.json").read_text())
PEER = Path(__file__).resolve().parents[2] / ".tools/peer/bin/python"
LACKING = slow_disk.missing()
FEW = {
    "--repetitions": 1,
    "--receivers": 5,
    "--events": 5,
    "--bursts": 1,
    "--burst": 10,
    "--requests": 70,
    "--seconds": 0.1,
    "--connections": 5,
}


def bench(*arguments: str, python: str = sys.executable, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [python, "-m", "bodhisattva.chaos.bench", *arguments]
    return subprocess.run(  # noqa: S603 - our own
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def measured(out: Path, *arguments: str, python: str = sys.executable) -> tuple[dict[str, Any], str]:
    """The document and what was printed, of a run that is as small as can be."""
    few = [word for option, value in FEW.items() for word in (option, str(value))]
    run = bench(*few, "--out", str(out), *arguments, python=python)
    assert run.returncode == 0, run.stderr
    document = json.loads((out / "bench.json").read_text())
    jsonschema.validate(document, SCHEMA)
    assert [file.name for file in out.iterdir()] == ["bench.json"]
    return document, run.stdout


@pytest.mark.timeout(240)
def test_a_run_measures_each_figure_of_each_subject(tmp_path: Path) -> None:
    chosen = ("raw", "fsync-each", "service")
    document, printed = measured(tmp_path, *(word for name in chosen for word in ("--subject", name)))
    wanted = {
        (name, figure, subject.name)
        for name, load in LOADS.items()
        if not (load.flush_delay and LACKING)
        for figure in load.figures
        for subject in load.subjects
        if subject.name in chosen
    }
    assert {(row["load"], row["figure"], row["subject"]) for row in document["rows"]} == wanted
    assert all(row["value"]["median"] > 0 for row in document["rows"] if row["unit"] == "1/s")
    by_bytes = [run["measures"]["bytes"] for run in document["runs"] if run["load"] == "fan-out"]
    assert by_bytes == pytest.approx([447] * 2, abs=1)
    measured_now = {row["load"] for row in document["rows"]}
    judged_now = [
        target for target in document["targets"] if target["beside"] != "mcp-common" and target["load"] in measured_now
    ]
    assert all(target["met"] is not None for target in judged_now)
    assert "not measured  fan-out, one: - (at most 0.45 x mcp-common)" in printed


@pytest.mark.timeout(240)
@pytest.mark.skipif(not PEER.exists(), reason="ci/peer has not been run here")
def test_the_published_server_can_be_measured(tmp_path: Path) -> None:
    chosen = ("mcp-common", "websockets", "aiohttp+msgspec")
    named = [word for name in chosen for word in ("--subject", name)]
    document, _ = measured(tmp_path, *named, "--load", "fan-out", "--load", "request", python=str(PEER))
    assert {run["subject"] for run in document["runs"]} == set(chosen)


def test_what_cannot_be_measured_is_one_line(tmp_path: Path) -> None:
    nothing = bench("--load", "durable", "--subject", "raw", "--out", str(tmp_path))
    assert nothing.returncode == 2
    assert nothing.stderr == "bench: nothing is left to be measured: none of the subjects has one of the loads\n"
    unknown = bench("--subject", "nginx")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("bench: Invalid value for '--subject': 'nginx' is not one of")
    assert unknown.stderr.count("\n") == 1
    homeless = bench("--load", "request", "--subject", "raw", "--out", "/proc/out")
    assert homeless.returncode == 2
    assert homeless.stderr == "bench: --out /proc/out: No such file or directory; name a folder that can be written\n"


@pytest.mark.skipif(not PUBLISHED.missing, reason="mcp-common is installed here")
@pytest.mark.timeout(120)
def test_a_run_that_is_interrupted_reports_no_loss(tmp_path: Path) -> None:
    few = ("--load", "durable", "--subject", "fsync-each", "--seconds", "60", "--out", str(tmp_path))
    command = [sys.executable, "-m", "bodhisattva.chaos.bench", *few]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:  # noqa: S603 - our own
        assert running.stderr is not None
        assert running.stderr.readline() == "1/5 durable, 1 of 5: fsync-each\n"
        running.terminate()
        lines = running.stderr.read().splitlines()
    assert running.returncode == 130, lines
    assert lines[-1] == "bench: interrupted; its servers are taken down, and nothing is measured"


def test_a_missing_peer_is_one_line() -> None:
    missing = bench("--subject", "mcp-common")
    assert missing.returncode == 2
    assert missing.stderr.startswith("bench: mcp-common: mcp_common is not installed here; `nox -s bench` has it")


def test_a_slow_disk_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    missing = bench("--load", "durable, slow disk", PATH=str(tmp_path))
    assert (missing.returncode, missing.stderr) == (2, "bench: a slow disk cannot be had: strace is not installed\n")


@pytest.mark.skipif(bool(LACKING), reason=LACKING)
def test_a_slow_disk_delays_each_flush_and_nothing_else(tmp_path: Path) -> None:
    program = (
        "import os, time\n"
        "file = os.open('file', os.O_CREAT | os.O_WRONLY)\n"
        "for work in (os.fsync, lambda file: os.write(file, b'x')):\n"
        "    started = time.monotonic(); work(file); print(time.monotonic() - started)\n"
    )
    command = slow_disk.slowed([sys.executable, "-c", program], 0.3)
    started = time.monotonic()
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)  # noqa: S603 - our own
    flush, write = map(float, ended.stdout.split())
    assert 0.3 <= flush < time.monotonic() - started
    assert write < 0.3


def run(subject: str, repetition: int, one: float, load: str = "fan-out") -> Run:
    measures = dict.fromkeys(LOADS[load].figures, one)
    return Run(load=load, subject=subject, repetition=repetition, load_average=0.5, measures=measures)


def test_ratios_are_of_one_repetition() -> None:
    busy_in_the_third = [
        *(run(RAW.name, repetition, cost) for repetition, cost in ((1, 4.0), (2, 5.0), (3, 40.0))),
        *(run(OURS.name, repetition, cost) for repetition, cost in ((1, 4.0), (2, 6.0), (3, 44.0))),
    ]
    found = {row.subject: row for row in rows(busy_in_the_third) if row.figure == "one"}
    assert found[OURS.name].value == Spread(6.0, 4.0, 44.0)
    assert found[OURS.name].ratios == {RAW.name: Spread(1.1, 1.0, 1.2)}
    assert found[RAW.name].ratios == {RAW.name: Spread(1.0, 1.0, 1.0)}


def test_a_target_is_met_at_its_bound_and_unknown_without_its_peer() -> None:
    runs = [
        run(RAW.name, 1, 100.0),
        run(OURS.name, 1, 115.0),
        run("fsync-each", 1, 100.0, "durable"),
        run(OURS.name, 1, 999.0, "durable"),
        run(OURS.name, 1, 12_001.0, "memory"),
    ]
    found = {(target.load, target.figure, target.baseline): target for target in judged(rows(runs))}
    assert len(found) == len(TARGETS)
    assert found["fan-out", "one", RAW.name].met is True
    assert found["fan-out", "one", PUBLISHED.name].met is None
    assert found["fan-out", "burst", RAW.name].met is False
    assert found["durable", "64 in flight", "fsync-each"].met is False
    assert found["memory", "connection", None].measured == 12_001
    assert found["memory", "connection", None].met is False


def test_the_table_shows_what_is_met() -> None:
    runs = [run(RAW.name, 1, 4.4e-6), run(OURS.name, 1, 4.4e-6), run(OURS.name, 1, 11_000.0, "memory")]
    found = rows(runs)
    result = Result(
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        command=["bench"],
        machine=Machine("a processor", 2, 1, "Linux", 0.5, 0.004),
        versions={"python": "3.13.0"},
        size=Size(),
        runs=runs,
        rows=found,
        targets=judged(found),
    )
    lines = table(result).splitlines()
    assert lines[0] == "a processor, 2 cores, load 0.5 at the start, an fsync takes 4.00 ms; python 3.13.0"
    assert ["service", "4.40", "µs", "(4.40", "-", "4.40)", "1.00", "-"] in [line.split() for line in lines]
    assert "  met           fan-out, one: 1.00 x raw (at most 1.15 x raw)" in lines
    assert "  NOT MET       fan-out, burst: 1.00 x raw (at most 0.20 x raw)" in lines
    assert "  met           memory, connection: 11.0 KB (at most 12.0 KB)" in lines
