"""A history survives a crash of its run, and names the line where it is damaged."""

from pathlib import Path

import pytest

from bodhisattva.chaos.history import HistoryError, Recorder, read


def test_every_operation_is_on_disk_before_the_next(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "history.jsonl")
    recorder.record("client", "invoke", "command", {"id": "a"})
    operations = read(recorder.path)
    recorder.close()
    assert [(operation.process, operation.type, operation.value) for operation in operations] == [
        ("client", "invoke", {"id": "a"})
    ]


def test_time_rises(tmp_path: Path) -> None:
    with Recorder(tmp_path / "history.jsonl") as recorder:
        for _ in range(100):
            recorder.record("client", "info", "tick")
    times = [operation.time for operation in read(recorder.path)]
    assert times == sorted(times)
    assert times[0] >= 0


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"time":1,"process":"a","type":"ok","f":"x","value":null}\n{"time":2,"proc')
    assert len(read(path)) == 1


def test_damage_anywhere_else_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"time":1,"process":"a","type":"ok","f":"x"}\n{"time":2,"process":"a","type":"done","f":"x"}\n')
    with pytest.raises(HistoryError, match=r"history\.jsonl, line 2: not an operation"):
        read(path)


def test_what_is_nested_too_deep_is_no_history(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"time":1,"process":"a","type":"ok","f":"x","value":' + "[" * 100_000 + "]" * 100_000 + "}\n")
    with pytest.raises(HistoryError, match=r"history\.jsonl, line 1: not an operation"):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"nowhere\.jsonl: No such file"):
        read(tmp_path / "nowhere.jsonl")
