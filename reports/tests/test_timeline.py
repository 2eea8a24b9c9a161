"""The timeline: what is read off a history, and a picture that is the same for the same history."""

from pathlib import Path

import pytest

from bodhisattva.reports import history
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.history import Completed, Fault
from bodhisattva.reports.tests import experiments
from bodhisattva.reports.timeline import timeline


def read(folder: Path, lines: list[dict[str, object]] | None = None) -> list[history.Operation]:
    return history.read(experiments.write(folder, lines) / "history.jsonl")


def test_operations_are_paired_by_what_they_are_about(tmp_path: Path) -> None:
    done = history.completed(read(tmp_path))
    rounded = [Completed(operation.end, round(operation.latency, 3), operation.certain) for operation in done]
    assert rounded == [Completed(0.1, 0.1, True), Completed(1.5, 0.3, True), Completed(1.6, 0.5, False)]


def test_a_fault_lasts_from_injection_to_heal(tmp_path: Path) -> None:
    assert history.faults(read(tmp_path)) == [Fault("down", "akosha/edge", 1.0, 2.0, healed=True)]


def test_a_fault_without_heal_lasts_to_the_end(tmp_path: Path) -> None:
    operations = read(tmp_path, experiments.HISTORY[:-1])
    assert history.faults(operations) == [Fault("down", "akosha/edge", 1.0, 1.6, healed=False)]
    assert "akosha/edge not healed" in timeline(operations, "resets")


def test_two_faults_of_one_kind_are_kept_apart(tmp_path: Path) -> None:
    second = [
        experiments.line(1.2, "nemesis", "info", "down", phase="inject", step=1, target="akosha/edge"),
        experiments.line(2.5, "nemesis", "info", "down", phase="heal", step=1, target="akosha/edge"),
    ]
    lines = sorted([*experiments.HISTORY, *second], key=lambda line: float(line["time"]))
    spans = [(fault.start, fault.end) for fault in history.faults(read(tmp_path, lines))]
    assert spans == [(1.0, 2.0), (1.2, 2.5)]


def test_the_picture_names_what_it_shows(tmp_path: Path) -> None:
    picture = timeline(read(tmp_path), "resets, seed 7")
    for words in ("resets, seed 7", "down", "akosha/edge", "operations answered", "events delivered", "p95"):
        assert f">{words}<" in picture.replace("> ", ">")


def test_gauges_have_panels_of_their_own(tmp_path: Path) -> None:
    values = {"process_resident_memory_bytes": 5e7, "asyncio_tasks": 3.0}
    samples = [experiments.line(at, "metrics", "info", "gauges", values=values) for at in (0.5, 1.5)]
    operations = read(tmp_path, [*experiments.HISTORY, *samples])
    assert history.gauges(operations) == [(0.5, values), (1.5, values)]
    picture = timeline(operations, "soak")
    for words in ("memory, MB", "asyncio_tasks", "seconds since the run began"):
        assert f">{words}<" in picture.replace("> ", ">")
    assert "memory, MB" not in timeline(read(tmp_path), "resets")


def test_the_same_history_gives_the_same_picture(tmp_path: Path) -> None:
    assert timeline(read(tmp_path), "resets") == timeline(read(tmp_path), "resets")


def test_an_empty_history_can_be_drawn() -> None:
    assert timeline([], "nothing").startswith("<?xml")


def test_a_last_line_cut_short_is_left_out(tmp_path: Path) -> None:
    file = experiments.write(tmp_path) / "history.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    assert len(history.read(file)) == len(experiments.HISTORY) - 1


def test_a_damaged_history_is_an_error(tmp_path: Path) -> None:
    file = experiments.write(tmp_path) / "history.jsonl"
    file.write_text("{}\n" + file.read_text())
    with pytest.raises(ReportError, match="is not a history"):
        history.read(file)
