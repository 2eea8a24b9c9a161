"""Injects faults by a schedule, and records each injection, its evidence and its heal."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from bodhisattva.chaos.client import CONNECTION_ERRORS
from bodhisattva.chaos.fault import Fault, fault_named
from bodhisattva.chaos.history import NEMESIS, Recorder
from bodhisattva.chaos.schedule import Step
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.toxiproxy import Link, ToxiproxyError
from bodhisattva.fixtures.clock import bounded
from bodhisattva.fixtures.outcome import NotAllowed
from bodhisattva.fixtures.stack.controls import StackError
from bodhisattva.fixtures.stack.node import Node

# What injecting and healing may raise. It leaves the run unknown, never the testbed broken.
NEMESIS_ERRORS = (ToxiproxyError, StackError, NotAllowed, AssertionError, *CONNECTION_ERRORS)
BOUND = 40.0


class Nemesis:
    """Breaks the testbed by a schedule. Times of the schedule count from the moment `run` is called.

    done: all steps of `run` are over, which is later than scheduled where healing took long.
    """

    def __init__(self, testbed: Testbed, recorder: Recorder) -> None:
        self._testbed = testbed
        self._recorder = recorder
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.done = False

    async def run(self, steps: Sequence[Step]) -> None:
        """All steps, each at its time or when the one before it on the same target is healed.

        Cancelled, it heals what it broke.
        """
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for number, step in enumerate(steps):
                group.create_task(self._run_step(number, step, began))
        self.done = True

    async def heal(self, faults: Iterable[str]) -> None:
        """Undo these faults wherever they may be; raises one of NEMESIS_ERRORS if something stays broken."""
        for name in set(faults):
            fault = fault_named(name)
            for target in self._testbed.targets(fault.target_type):
                await fault.heal(target)

    async def _run_step(self, number: int, step: Step, began: float) -> None:
        fault = fault_named(step.fault)
        target = self._testbed.target(step.target)
        await _sleep_until(began + step.at)
        async with self._locks[step.target]:
            end = asyncio.get_running_loop().time() + step.until - step.at
            try:
                await self._inject(number, step, fault, target)
                await _sleep_until(end)
            finally:
                await self._heal(number, step, fault, target)

    async def _inject(self, number: int, step: Step, fault: Fault[Any], target: Link | Node) -> None:
        try:
            before = await bounded(fault.inject(target, step.parameters), f"{step.fault} of {step.target}", BOUND)
            self._record(number, step, "inject", {"before": before, "parameters": step.parameters})
            evidence = await bounded(
                fault.evidence(target, step.parameters, before), f"evidence of {step.fault}", BOUND
            )
            self._record(number, step, "evidence", {"bit": evidence.bit, "measured": evidence.measured})
        except NEMESIS_ERRORS as error:
            self._record(number, step, "trouble", {"error": str(error)})

    async def _heal(self, number: int, step: Step, fault: Fault[Any], target: Link | Node) -> None:
        try:
            await bounded(fault.heal(target), f"healing {step.fault} of {step.target}", BOUND)
            self._record(number, step, "heal", {})
        except NEMESIS_ERRORS as error:
            self._record(number, step, "trouble", {"error": str(error)})

    def _record(self, number: int, step: Step, phase: str, value: dict[str, Any]) -> None:
        about = {"phase": phase, "step": number, "target": step.target}
        self._recorder.record(NEMESIS, "info", step.fault, about | value)


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(moment - asyncio.get_running_loop().time())
