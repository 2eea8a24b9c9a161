"""Servers broken on purpose are found out by the right checker, and the real one by none."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.history import read
from bodhisattva.chaos.judge import Report, judge
from bodhisattva.chaos.runner import Run
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.verdict import Verdict
from bodhisattva.chaos.workload import Workload
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.compare_and_set_race import CompareAndSetRace
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume
from bodhisattva.fixtures.stack.select import Choice

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(240)]


SEEDS = range(5, 10)


def _short(name: str, service: str, workload: Workload, fault: Recurring) -> Experiment:
    return Experiment(
        name=name,
        purpose="A short run against one service.",
        topology=Topology(services=(service,), links=("direct", "torn")),
        workloads=(workload,),
        faults=(fault,),
        checkers=("delivery", "durability") if isinstance(workload, FanOutWithResume) else ("durability",),
        duration=4,
    )


KILLS = _short(
    "short-kills",
    "fastblocks",
    CommandsWithRetries(clients=3, rate=15, link="direct", repeat=0.2),
    Recurring("kill", on="services", after=(1, 1.5), lasts=(0.2, 0.4)),
)
RESETS = _short(
    "short-resets",
    "session-buddy",
    FanOutWithResume(subscribers=4, rate=15, subscribe_on=("direct", "torn"), command_on="direct"),
    Recurring("reset-peer", on="torn", after=(0.5, 1), lasts=(0.6, 1)),
)


CRASHES = Experiment(
    name="short-crashes",
    purpose="A short run against two replicas.",
    topology=Topology(services=("fastblocks",), links=("direct",), replicas=2),
    workloads=(CommandsWithRetries(clients=3, rate=15, link="direct"),),
    faults=(Recurring("kill", on="services", after=(1, 1.5), lasts=(0.2, 0.4)),),
    checkers=("durability",),
    duration=4,
)
RACE = replace(
    CRASHES,
    name="short-race",
    workloads=(CompareAndSetRace(clients=6, rate=30, link="direct"),),
    checkers=("register",),
)
FAILOVER = Experiment(
    name="short-failover",
    purpose="A short run against two replicas whose store loses its tail.",
    topology=Topology(services=("fastblocks",), links=("direct",), replicas=2),
    workloads=(FanOutWithResume(subscribers=2, rate=20, subscribe_on=("direct",), command_on="direct"),),
    faults=(Recurring("lose-tail", on="store", after=(0.5, 1), lasts=(2, 2.5)),),
    checkers=("epochs",),
    duration=5,
)


async def _run(experiment: Experiment, folder: Path, broken: str | None = None, seed: int = SEEDS[0]) -> Report:
    choice = Choice("process", "requested")
    launcher = (sys.executable, "-m", "bodhisattva.suites.meta.mutate", broken) if broken is not None else None
    return await Run(experiment, seed, choice, folder, print, launcher).run()


async def _invalid(experiment: Experiment, folder: Path, broken: str) -> Report:
    """The first report that finds the broken server: a fault that comes a moment late breaks nothing."""
    for seed in SEEDS:
        report = await _run(experiment, folder / f"run-{seed}", broken, seed)
        if report.verdict is Verdict.INVALID:
            return report
    pytest.fail(f"{broken} was not found in {len(SEEDS)} seeds")


def _findings(report: Report) -> dict[str, list[str]]:
    """What each checker found, by kind."""
    found = {}
    for result in report.checkers:
        findings = result.details["findings"]
        by_kind = result.name in ("durability", "epochs")
        kinds = findings if by_kind else {k for f in findings.values() for k in f}
        found[result.name] = sorted(kinds)
    return found


@pytest.mark.parametrize("experiment", [KILLS, RESETS], ids=lambda experiment: experiment.name)
async def test_the_real_server_is_valid_and_the_saved_history_gives_it_again(
    experiment: Experiment, tmp_path: Path
) -> None:
    report = await _run(experiment, tmp_path / "run")
    assert report.verdict is Verdict.VALID, report
    assert all(fault.bit for fault in report.faults)
    assert judge(read(tmp_path / "run" / "history.jsonl")) == report
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"history.jsonl", "verdict.json", "toxiproxy.log"} <= left


async def test_answering_before_the_commit_loses_answered_commands(tmp_path: Path) -> None:
    report = await _invalid(KILLS, tmp_path, "answers_before_commit")
    assert _findings(report) == {"durability": ["lost"]}


async def test_forgetting_a_reconnecting_client_loses_its_events(tmp_path: Path) -> None:
    report = await _invalid(RESETS, tmp_path, "forgets_reconnecting_clients")
    assert _findings(report) == {"delivery": ["lost"], "durability": []}


async def test_executing_a_retry_doubles_its_events(tmp_path: Path) -> None:
    report = await _invalid(KILLS, tmp_path, "executes_retries_again")
    assert _findings(report) == {"durability": ["duplicated"]}


@pytest.mark.parametrize("experiment", [RACE, FAILOVER], ids=lambda experiment: experiment.name)
async def test_real_replicas_are_valid(experiment: Experiment, tmp_path: Path) -> None:
    report = await _run(experiment, tmp_path / "run")
    assert report.verdict is Verdict.VALID, report


async def test_answering_before_the_append_loses_what_a_killed_replica_answered(tmp_path: Path) -> None:
    report = await _invalid(CRASHES, tmp_path, "answers_before_the_append")
    assert "lost" in _findings(report)["durability"]


async def test_deciding_on_what_was_last_read_has_several_winners(tmp_path: Path) -> None:
    report = await _invalid(RACE, tmp_path, "decides_on_a_stale_state")
    assert "version made twice" in _findings(report)["register"]


async def test_keeping_the_epoch_papers_a_loss_over(tmp_path: Path) -> None:
    report = await _invalid(FAILOVER, tmp_path, "keeps_its_epoch_after_a_lost_tail")
    assert "epochs" in _findings(report)
