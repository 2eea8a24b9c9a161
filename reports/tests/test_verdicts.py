"""The verdict file is what chaos and the reports have in common: what one writes the other reads."""

import json
from pathlib import Path

from bodhisattva.chaos.judge import SCHEMA, VERDICT_FILE, Report, encode
from bodhisattva.chaos.verdict import CheckResult, FaultReport, Verdict
from bodhisattva.reports import verdicts

WRITTEN = Report(
    schema=SCHEMA,
    experiment="resets",
    seed=7,
    stack="process",
    log="redis",
    verdict=Verdict.UNKNOWN,
    checkers=(CheckResult("delivery", Verdict.VALID, {"delivered": 1}),),
    faults=(FaultReport("down", "akosha/edge", True, False, {"during": "refused"}),),
    problems=("settle: did not finish",),
    started="2026-03-01T10:00:00+00:00",
    duration=2.5,
    command="python -m bodhisattva.chaos run resets --seed 7",
)


def test_the_reports_read_all_that_chaos_writes(tmp_path: Path) -> None:
    (tmp_path / VERDICT_FILE).write_bytes(encode(WRITTEN))
    found = verdicts.read(tmp_path)
    written = json.loads((tmp_path / VERDICT_FILE).read_bytes())
    for name in verdicts.Experiment.__struct_fields__:
        if name not in ("checkers", "faults"):
            assert getattr(found, name) == (list(written[name]) if isinstance(written[name], list) else written[name])
    assert [(each.name, each.verdict, each.details) for each in found.checkers] == [
        ("delivery", "valid", {"delivered": 1})
    ]
    assert [fault.named for fault in found.faults] == ["down on akosha/edge"]
    assert (found.faults[0].bit, found.faults[0].healed) == (True, False)
