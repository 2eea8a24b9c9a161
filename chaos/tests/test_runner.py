"""A run that breaks off is healed, taken down, recorded, and unknown."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import msgspec
import pytest

from bodhisattva.chaos.experiment import Experiment, experiment_named
from bodhisattva.chaos.history import NEMESIS, Recorder, read
from bodhisattva.chaos.judge import VERDICT_FILE, Report
from bodhisattva.chaos.probe import probe
from bodhisattva.chaos.runner import Run
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.toxiproxy import Link
from bodhisattva.chaos.verdict import Verdict
from bodhisattva.chaos.workload import Session, Workload
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.stack import redis
from bodhisattva.fixtures.stack.select import Choice

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(120)]


@dataclass
class GivesUp(Workload, Session):
    """Waits until the link is poisoned, remembers it, and fails."""

    failure: Exception
    link: Link | None = None
    closed: bool = False

    def begin(self, testbed: Testbed, recorder: Recorder, rng: Random) -> Session:
        self.link = next(testbed.links_in_turn("fastblocks", "direct"))
        return self

    async def open(self) -> None:
        pass

    async def run(self, seconds: float) -> None:
        link = self.link
        assert link is not None
        await eventually(link.toxics, "a toxic", 20)
        raise self.failure

    async def final_reads(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("failure", [ConnectionError, LookupError])
async def test_a_run_that_breaks_off_is_healed_and_unknown(failure: type[Exception], tmp_path: Path) -> None:
    workload = GivesUp(failure("the workload has had enough"))
    experiment = Experiment(
        name="gives-up",
        purpose="A workload that fails in the middle of a fault.",
        topology=Topology(services=("fastblocks",), links=("direct",)),
        workloads=(workload,),
        faults=(Recurring("latency", on="direct", after=(0.1, 0.2), lasts=(20, 20)),),
        checkers=("delivery",),
        duration=30,
    )
    lines: list[str] = []
    report = await Run(experiment, 1, Choice("process", "requested"), tmp_path / "run", lines.append).run()

    assert report.verdict is Verdict.UNKNOWN
    assert report.problems == (f"faults: {failure.__name__}: the workload has had enough",)
    assert f"faults: failed, {failure.__name__}: the workload has had enough" in lines
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


@dataclass
class Works(Workload, Session):
    """Notes for how long it was to work, and when that was over."""

    uses: tuple[str, ...]
    worked: list[tuple[float, float]] = field(default_factory=list)
    recorder: Recorder | None = None

    def begin(self, testbed: Testbed, recorder: Recorder, rng: Random) -> Session:
        self.recorder = recorder
        for link in self.uses:
            testbed.links_in_turn("fastblocks", link)
        return self

    async def open(self) -> None:
        pass

    async def run(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        assert self.recorder is not None
        self.worked.append((seconds, self.recorder.now))

    async def final_reads(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def test_work_goes_on_until_the_last_fault_is_healed(tmp_path: Path) -> None:
    workload = Works(())
    experiment = Experiment(
        name="late",
        purpose="A fault whose heal, a start of the service, takes longer than there is work.",
        topology=Topology(services=("fastblocks",), links=()),
        workloads=(workload,),
        faults=(Recurring("kill", on="services", after=(0.1, 0.1), lasts=(0.3, 0.3)),),
        checkers=("delivery",),
        duration=1,
    )
    await Run(experiment, 1, Choice("process", "requested"), tmp_path / "run", print).run()
    nemesis = [o for o in read(tmp_path / "run" / "history.jsonl") if o.process == NEMESIS]
    assert nemesis[-1].value["phase"] == "heal"
    assert workload.worked[0][0] == experiment.duration
    assert workload.worked[-1][1] > nemesis[-1].time


async def test_a_run_that_is_interrupted_leaves_its_verdict_too(tmp_path: Path) -> None:
    workload = Works(("direct",))
    experiment = Experiment(
        name="interrupted",
        purpose="A run that somebody ends.",
        topology=Topology(services=("fastblocks",), links=("direct",)),
        workloads=(workload,),
        faults=(Recurring("latency", on="direct", after=(0.1, 0.2), lasts=(1, 1)),),
        checkers=("delivery",),
        duration=60,
    )
    run = Run(experiment, 1, Choice("process", "requested"), tmp_path / "run", print)
    running = asyncio.create_task(run.run())
    await eventually(lambda: workload.recorder, "the work to begin", 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    left = msgspec.json.decode((tmp_path / "run" / VERDICT_FILE).read_bytes(), type=Report)
    assert (left.verdict, left.problems[0].partition(": ")[2]) == ("unknown", "did not finish")


async def test_a_fault_on_a_link_that_no_client_uses_is_refused(tmp_path: Path) -> None:
    experiment = Experiment(
        name="elsewhere",
        purpose="A fault where nobody is.",
        topology=Topology(services=("fastblocks",), links=("direct", "slow")),
        workloads=(Works(("direct",)),),
        faults=(Recurring("latency", on="slow", after=(0.1, 0.2), lasts=(1, 1)),),
        checkers=("delivery",),
        duration=2,
    )
    report = await Run(experiment, 1, Choice("process", "requested"), tmp_path / "run", print).run()
    assert report.verdict is Verdict.UNKNOWN
    lines = "open: StackError: no client uses the link fastblocks/slow, which is to be broken: name it in a workload."
    assert report.problems == (lines,)


async def test_without_a_redis_replicas_are_not_run_and_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "BUILT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    experiment = replace(
        experiment_named("replicas-through-kill"), topology=Topology(("fastblocks",), ("direct",), replicas=2)
    )
    lines: list[str] = []
    report = await Run(experiment, 1, Choice("process", "requested"), tmp_path / "run", lines.append).run()
    assert (report.verdict, report.log) == (Verdict.UNKNOWN, "redis")
    assert report.problems == ("start: StackError: there is no redis-server on PATH or in .tools/bin: run ci/redis.",)
    assert f"start: failed, {report.problems[0].removeprefix('start: ')}" in lines
