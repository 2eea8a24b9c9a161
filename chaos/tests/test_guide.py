"""The example of docs/writing-a-fault.md does what the guide says."""

import re
from pathlib import Path
from typing import Any

import pytest

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.fault import Fault
from bodhisattva.chaos.schedule import rng_for
from bodhisattva.chaos.toxiproxy import Link

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "writing-a-fault.md"


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


def _defined(example: int, name: str) -> Any:
    """What an example defines under a name."""
    namespace: dict[str, Any] = {}
    exec(compile(_examples()[example], str(GUIDE), "exec"), namespace)  # noqa: S102 - the guide's own text
    return namespace[name]


@pytest.mark.deploy
async def test_the_example_bites_and_heals(link: Link) -> None:
    fault: Fault[Any] = _defined(0, "FAULT")
    parameters = fault.parameters(rng_for(1, "guide"))
    before = await fault.inject(link, parameters)
    try:
        evidence = await fault.evidence(link, parameters, before)
    finally:
        await fault.heal(link)
    assert evidence.bit, evidence
    assert (await link.probe(2)).outcome == "answered"


def test_the_example_of_an_experiment_injects_that_fault() -> None:
    experiment: Experiment = _defined(1, "EXPERIMENT")
    assert [recurring.fault for recurring in experiment.faults] == ["black-hole"]
