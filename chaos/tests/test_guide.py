"""The example of docs/writing-a-fault.md does what the guide says."""

import re
from pathlib import Path
from typing import Any

import pytest

from bodhisattva.chaos.fault import Fault
from bodhisattva.chaos.schedule import Recurring, rng_for
from bodhisattva.chaos.toxiproxy import Link

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "writing-a-fault.md"


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


def _fault() -> Fault[Any]:
    namespace: dict[str, Any] = {}
    exec(compile(_examples()[0], str(GUIDE), "exec"), namespace)  # noqa: S102 - the guide's own text
    fault: Fault[Any] = namespace["FAULT"]
    return fault


@pytest.mark.deploy
async def test_the_example_bites_and_heals(link: Link) -> None:
    fault = _fault()
    parameters = fault.parameters(rng_for(1, "guide"))
    before = await fault.inject(link, parameters)
    try:
        evidence = await fault.evidence(link, parameters, before)
    finally:
        await fault.heal(link)
    assert evidence.bit, evidence
    assert (await link.probe(2)).outcome == "answered"


def test_the_line_for_an_experiment_is_one() -> None:
    recurring = eval(_examples()[1], {"Recurring": Recurring})  # noqa: S307 - the guide's own text
    assert recurring.fault == "black-hole"
