"""Runs one experiment: heal, connect, break while working, heal, read the logs, heal; and only then judge.

What goes wrong in a phase is recorded and leaves the run unknown. Whatever happens, the testbed is healed and taken
down, and the history is on disk before anyone judges it.
"""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.history import HISTORY_FILE, RUN, Recorder, read
from bodhisattva.chaos.judge import VERDICT_FILE, Report, encode, judge
from bodhisattva.chaos.nemesis import Nemesis
from bodhisattva.chaos.operations import FAULTS_PHASE, OPEN_PHASE, START, Start
from bodhisattva.chaos.phases import PhaseFailed, Phases
from bodhisattva.chaos.schedule import Step, rng_for, schedule
from bodhisattva.chaos.testbed import testbed
from bodhisattva.chaos.workload import Session
from bodhisattva.fixtures.stack.select import Choice

# Bounds of the phases, in units of time; for the faults it is what may come on top of the experiment's duration.
START_BOUND, HEAL_BOUND, OPEN_BOUND, FAULTS_GRACE, READ_BOUND = 90.0, 60.0, 30.0, 60.0, 90.0
FURTHER = 0.5  # seconds of work at a time while faults last longer than scheduled


@dataclass
class Run:
    """One run of an experiment. folder: where its evidence goes, emptied first. progress: takes a line at a time.

    launcher: what is put in front of `serve SERVICE` instead of the project's own command, on the process stack.
    """

    experiment: Experiment
    seed: int
    choice: Choice
    folder: Path
    progress: Callable[[str], None]
    launcher: Sequence[str] | None = None

    async def run(self) -> Report:
        """Run, save the history, judge what was saved, and leave the verdict beside it.

        So does a run that is interrupted: without a verdict, a report would not know of it.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with Recorder(self.folder / HISTORY_FILE) as recorder:
            steps = self._record_start(recorder)
            try:
                with suppress(PhaseFailed):
                    await self._run_phases(recorder, steps)
            finally:
                report = self._write_verdict()
        return report

    def _write_verdict(self) -> Report:
        report = judge(read(self.folder / HISTORY_FILE))
        (self.folder / VERDICT_FILE).write_bytes(encode(report))
        return report

    async def _run_phases(self, recorder: Recorder, steps: Sequence[Step]) -> None:
        topology, seconds = self.experiment.topology, self.experiment.duration
        phase = Phases(recorder, self.progress).phase
        async with AsyncExitStack() as ending:
            services = ", ".join(name for names in topology.processes.values() for name in names)
            async with phase("start", f"Toxiproxy and {services} to be ready", START_BOUND):
                bed = await ending.enter_async_context(testbed(self.choice, topology, self.folder, self.launcher))
            nemesis = Nemesis(bed, recorder)
            broken = [fault.fault for fault in self.experiment.faults]

            async def heal(when: str) -> None:
                async with phase(f"heal {when}", "links and services to be healthy", HEAL_BOUND):
                    await nemesis.heal(broken)

            ending.push_async_callback(heal, "at the end")
            await heal("before")
            sessions = [
                workload.begin(bed, recorder, rng_for(self.seed, f"workload/{number}"))
                for number, workload in enumerate(self.experiment.workloads)
            ]
            for session in sessions:
                ending.push_async_callback(session.close)
            async with phase(OPEN_PHASE, "every client to be connected", OPEN_BOUND):
                bed.assert_used(step.target for step in steps)
                await together(*(session.open() for session in sessions))
            async with phase(FAULTS_PHASE, f"{len(steps)} faults in {seconds:g} s of work", seconds + FAULTS_GRACE):
                await together(nemesis.run(steps), *(_work(session, seconds, nemesis) for session in sessions))
            await heal("after")
            async with phase("final reads", "every client to finish and the logs to be read", READ_BOUND):
                await together(*(session.final_reads() for session in sessions))

    def _record_start(self, recorder: Recorder) -> tuple[Step, ...]:
        """Record the first operation; returns its schedule."""
        experiment, kind, topology = self.experiment, self.choice.kind, self.experiment.topology
        processes = [name for names in topology.processes.values() for name in names]
        steps = schedule(self.seed, experiment.faults, processes, experiment.duration)
        start = Start(
            experiment=experiment.name,
            seed=self.seed,
            stack=kind,
            log=topology.log(self.choice.log),
            checkers=experiment.checkers,
            schedule=steps,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            command=f"python -m bodhisattva.chaos {self._arguments} --seed {self.seed}",
            expects_faults=not experiment.command,
        )
        recorder.record(RUN, "info", START, start)
        return steps

    @property
    def _arguments(self) -> str:
        choice, experiment = self.choice, self.experiment
        return experiment.command or f"run {experiment.name} --stack {choice.kind} --log {choice.log}"


async def _work(session: Session, seconds: float, nemesis: Nemesis) -> None:
    """Work for that long, and on until the last fault is over: one that hits no operation shows nothing."""
    await session.run(seconds)
    while not nemesis.done:
        await session.run(FURTHER)


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all side by side; the first failure ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in work:
                group.create_task(part)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
