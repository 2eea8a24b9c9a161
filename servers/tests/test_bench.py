"""The benchmark measures what it says, on servers that really run."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bodhisattva.servers.bench.__main__ import main, show
from bodhisattva.servers.bench.loads import Measure
from bodhisattva.servers.bench.subjects import PEER, SUBJECTS

FEW = ("--rounds", "1", "--clients", "3", "--commands", "20", "--receivers", "120", "--events", "3")


def test_every_subject_has_a_line_for_every_load(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [*FEW, "--folder", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    for name in SUBJECTS:
        lines = [line.removeprefix(name) for line in result.stdout.splitlines() if line.startswith(f"{name} ")]
        assert len(lines) == 2
        for line in lines:
            rate, ratio, *_ = line.split()
            assert float(rate.replace(",", "")) > 0
            assert name != PEER or float(ratio) == 1
    assert list(tmp_path.iterdir()) == []


def test_ratios_are_of_one_round_and_too_little_work_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    quiet, busy = Measure(1000, 20e-6), Measure(250, 80e-6)
    show("load", {PEER: [quiet, busy, busy], "twice": [Measure(500, 40e-6), Measure(125, 160e-6), Measure(125, None)]})
    *_, peer, twice = capsys.readouterr().out.splitlines()
    assert peer.split()[2:] == ["250", "1.00", "80.0", "µs", "1.00"]
    assert twice.split()[1:] == ["125", "0.50", "-", "-"]
