"""Runs one experiment: heal, connect, break while working, heal, let everything settle, heal; and only then judge.

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
from bodhisattva.chaos.phases import Abandoned, Phases
from bodhisattva.chaos.schedule import Step, schedule, stream
from bodhisattva.chaos.testbed import testbed
from bodhisattva.chaos.vocabulary import START, STORM, Start
from bodhisattva.chaos.workload import Session
from bodhisattva.fixtures.stack.select import Choice

# Bounds of the phases, in units of time; for the storm it is what may come on top of the experiment's duration.
START_BOUND, HEAL_BOUND, OPEN_BOUND, STORM_GRACE, SETTLE_BOUND = 90.0, 60.0, 30.0, 60.0, 90.0
FURTHER = 0.5  # seconds of work at a time while faults last longer than scheduled


@dataclass
class Run:
    """One run of an experiment. folder: where its evidence goes, emptied first. say: takes progress lines.

    launcher: what is put in front of `serve SERVICE` instead of the project's own command, on the process stack.
    """

    experiment: Experiment
    seed: int
    choice: Choice
    folder: Path
    say: Callable[[str], None]
    launcher: Sequence[str] | None = None

    async def perform(self) -> Report:
        """Run, save the history, judge what was saved, and leave the verdict beside it.

        So does a run that is interrupted: without a verdict, a report would not know of it.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with Recorder(self.folder / HISTORY_FILE) as recorder:
            steps = self._announce(recorder)
            try:
                with suppress(Abandoned):
                    await self._go_through(recorder, steps)
            finally:
                report = self._conclude()
        return report

    def _conclude(self) -> Report:
        report = judge(read(self.folder / HISTORY_FILE))
        (self.folder / VERDICT_FILE).write_bytes(encode(report))
        return report

    async def _go_through(self, recorder: Recorder, steps: Sequence[Step]) -> None:
        topology, seconds = self.experiment.topology, self.experiment.duration
        phase = Phases(recorder, self.say).phase
        async with AsyncExitStack() as ending:
            services = ", ".join(name for names in topology.processes.values() for name in names)
            async with phase("start", f"Toxiproxy and {services} to be ready", START_BOUND):
                bed = await ending.enter_async_context(testbed(self.choice, topology, self.folder, self.launcher))
            nemesis = Nemesis(bed, recorder)
            broken = [fault.fault for fault in self.experiment.faults]

            async def heal(when: str) -> None:
                async with phase(f"heal {when}", "links and services to be whole", HEAL_BOUND):
                    await nemesis.heal(broken)

            ending.push_async_callback(heal, "at the end")
            await heal("before")
            sessions = [
                workload.begin(bed, recorder, stream(self.seed, f"workload/{number}"))
                for number, workload in enumerate(self.experiment.workloads)
            ]
            for session in sessions:
                ending.push_async_callback(session.close)
            async with phase("open", "every client to be connected", OPEN_BOUND):
                bed.assert_used(step.target for step in steps)
                await together(*(session.open() for session in sessions))
            async with phase(STORM, f"{len(steps)} faults in {seconds:g} s of work", seconds + STORM_GRACE):
                await together(nemesis.run(steps), *(_work(session, seconds, nemesis) for session in sessions))
            await heal("after")
            async with phase("settle", "every client to finish and the logs to be read", SETTLE_BOUND):
                await together(*(session.settle() for session in sessions))

    def _announce(self, recorder: Recorder) -> tuple[Step, ...]:
        """Write the first operation; the schedule that it holds."""
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
            command=f"python -m bodhisattva.chaos run {experiment.name} --seed {self.seed} --stack {kind}"
            f" --log {self.choice.log}",
        )
        recorder.record(RUN, "info", START, start)
        return steps


async def _work(session: Session, seconds: float, nemesis: Nemesis) -> None:
    """Work for that long, and on until the last fault is over: one that hits nobody shows nothing."""
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
