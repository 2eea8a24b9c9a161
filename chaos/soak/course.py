"""From the start of the service to its second rest: crowds, rests, and a look at the gauges every second."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bodhisattva.chaos.soak import gauges
from bodhisattva.chaos.soak.crowd import Crowd
from bodhisattva.chaos.soak.guest import SERVICE
from bodhisattva.chaos.soak.judge import ALLOWED
from bodhisattva.chaos.soak.pace import Pace
from bodhisattva.chaos.soak.record import (
    EMPTY,
    FIRST_CROWD,
    FIRST_REST,
    SECOND_CROWD,
    SECOND_REST,
    Course,
    Sample,
)
from bodhisattva.fixtures.clock import TimedOut, eventually
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.stack.process import LAUNCHER, ProcessStack

_SPARE = 200
_SETTLING = 3.0  # seconds of rest before it is taken for one
Values = dict[str, float]


class Walk:
    """One soak under way. say: takes progress lines."""

    def __init__(self, node: Node, crowd: Crowd, pace: Pace, say: Callable[[str], None]) -> None:
        self.samples: list[Sample] = []
        self.rests: dict[str, Values] = {}
        self._node = node
        self._crowd = crowd
        self._pace = pace
        self._say = say
        self._phase = EMPTY
        self._began = time.monotonic()

    async def go(self) -> None:
        await self._crowd.furnish()
        async with self._looking():
            await self._rest(EMPTY)
            await self._crowded(FIRST_CROWD, self._pace.crowds[0])
            await self._rest(FIRST_REST)
            await self._crowded(SECOND_CROWD, self._pace.crowds[1])
            await self._rest(SECOND_REST)

    async def _crowded(self, phase: str, seconds: float) -> None:
        self._enter(phase, f"for {seconds:.0f} s")
        async with self._crowd.there():
            await asyncio.sleep(seconds)

    async def _rest(self, phase: str) -> None:
        """Wait until the counts are back where they were when the service was empty, or have had the time for it."""
        self._enter(phase, f"until everything is back, at most {self._pace.rest:.0f} s")
        await asyncio.sleep(self._pace.window)
        await self._crowd.command()
        try:
            await eventually(self._back, "the counts to be back", self._pace.rest, every=1)
        except TimedOut:
            self._say("not everything is back")
        await asyncio.sleep(_SETTLING)
        self.rests[phase] = await gauges.read(self._node)

    async def _back(self) -> bool:
        if EMPTY not in self.rests:
            return True
        now, empty = await gauges.read(self._node), self.rests[EMPTY]
        return all(now[name] <= empty[name] + ALLOWED.get(name, 0) for name in gauges.COUNTS)

    def _enter(self, phase: str, text: str) -> None:
        self._phase = phase
        self._say(f"{phase}, {text}")

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[None]:
        looker = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looker.cancel()
            (failure,) = await asyncio.gather(looker, return_exceptions=True)
            if isinstance(failure, Exception):
                raise failure

    async def _look(self) -> None:
        while True:
            values = await gauges.read(self._node)
            self.samples.append(Sample(round(time.monotonic() - self._began, 1), self._phase, values))
            await asyncio.sleep(1)


async def soak(
    folder: Path,
    pace: Pace,
    connections: int,
    seed: int,
    say: Callable[[str], None],
    *,
    tls: bool = False,
    launcher: Sequence[str] = LAUNCHER,
) -> Course:
    """Everything but the verdict. folder: for the service's files. launcher: what stands before `serve SERVICE`."""
    stack = ProcessStack(folder, launcher)
    try:
        node = stack.fresh(SERVICE, _settings(pace, connections, tls=tls))
        await node.start()
        crowd = Crowd(node, connections, seed, pace)
        walk = Walk(node, crowd, pace, say)
        await walk.go()
    finally:
        await asyncio.to_thread(stack.close)
    return Course(
        service=SERVICE,
        connections=connections,
        tls=tls,
        seed=seed,
        pace=pace,
        visits=dict(sorted(crowd.visits.items())),
        hindered=dict(sorted(crowd.hindered.items())),
        rests=walk.rests,
        samples=walk.samples,
    )


def _settings(pace: Pace, connections: int, *, tls: bool) -> dict[str, Any]:
    """Short times, a log that is kept short, and room for the crowd."""
    room = connections + _SPARE
    return {
        "timeouts": {**pace.settings, "auth": 10},
        "limits": {"connections": room, "connections_per_address": room},
        "log": {"retention": {"events": 2000, "interval": pace.heartbeat}},
        "logging": {"level": "error"},
        **({} if tls else {"tls": {"certificate": None, "key": None}}),
    }
