"""A run that breaks off is healed, taken down, recorded, and unknown."""

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from bodhisattva.chaos.experiment import Experiment, experiment_named
from bodhisattva.chaos.history import Recorder, read
from bodhisattva.chaos.probe import probe
from bodhisattva.chaos.runner import Run
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.tests.requirements import needs_toxiproxy
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.toxiproxy import Link
from bodhisattva.chaos.verdict import Verdict
from bodhisattva.chaos.workload import Session, Workload
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.stack import redis
from bodhisattva.fixtures.stack.select import Choice

pytestmark = [needs_toxiproxy, pytest.mark.timeout(120)]


@dataclass
class GivesUp(Workload, Session):
    """Waits until the link is poisoned, remembers it, and fails."""

    link: Link | None = None
    closed: bool = False

    def begin(self, testbed: Testbed, recorder: Recorder, chance: Random) -> Session:
        self.link = testbed.links["fastblocks/direct"]
        return self

    async def open(self) -> None:
        pass

    async def run(self, seconds: float) -> None:
        link = self.link
        assert link is not None
        await eventually(link.toxics, "a toxic", 20)
        raise ConnectionError("the workload has had enough")

    async def settle(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True


async def test_a_run_that_breaks_off_is_healed_and_unknown(tmp_path: Path) -> None:
    workload = GivesUp()
    experiment = Experiment(
        name="gives-up",
        purpose="A workload that fails in the middle of a fault.",
        topology=Topology(services=("fastblocks",), links=("direct",)),
        workloads=(workload,),
        faults=(Recurring("latency", on="direct", after=(0.1, 0.2), lasts=(20, 20)),),
        checkers=("delivery",),
        duration=30,
    )
    said: list[str] = []
    report = await Run(experiment, 1, Choice("process", "asked for"), tmp_path / "run", said.append).perform()

    assert report.verdict is Verdict.UNKNOWN
    assert report.problems == ("storm: ConnectionError: the workload has had enough",)
    assert "storm: failed, ConnectionError: the workload has had enough" in said
    assert report.faults[0].healed
    assert workload.closed

    phases = [
        operation.value["name"]
        for operation in read(tmp_path / "run" / "history.jsonl").select(f="phase")
        if operation.value["state"] == "ended"
    ]
    assert phases == ["start", "heal before", "open", "heal at the end"]

    assert workload.link is not None
    gone = await probe(workload.link.host, workload.link.port, None, 2)
    assert gone.outcome == "refused"
    assert (tmp_path / "run" / "fastblocks.log").read_text()


async def test_without_a_redis_replicas_are_not_run_and_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "BUILT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    experiment = replace(
        experiment_named("replicas-through-kill"), topology=Topology(("fastblocks",), ("direct",), replicas=2)
    )
    said: list[str] = []
    report = await Run(experiment, 1, Choice("process", "asked for"), tmp_path / "run", said.append).perform()
    assert (report.verdict, report.log) == (Verdict.UNKNOWN, "redis")
    assert report.problems == ("start: StackError: there is no redis-server on PATH or in .tools/bin: run ci/redis.",)
    assert f"start: failed, {report.problems[0].removeprefix('start: ')}" in said
