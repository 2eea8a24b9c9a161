"""Clients at all replicas set the same few paths, each expecting the version that it saw; only one of them can win."""

import asyncio
from dataclasses import dataclass
from random import Random

from bodhisattva.chaos.client import HINDERED, Seat
from bodhisattva.chaos.driver import Independent
from bodhisattva.chaos.history import Recorder
from bodhisattva.chaos.racer import Racer
from bodhisattva.chaos.reader import pages
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.vocabulary import WRITTEN, Written
from bodhisattva.chaos.workload import Session, Workload
from bodhisattva.fixtures.clock import eventually

SERVICE = "fastblocks"
CHANNEL = "state"
READ_WITHIN = 20.0


@dataclass(frozen=True)
class CompareAndSetRace(Workload):
    """clients: over the link `link`, each of them `rate` times a second at most. paths: what they set."""

    clients: int
    rate: float
    link: str
    paths: int = 2

    def begin(self, testbed: Testbed, recorder: Recorder, chance: Random) -> "RaceSession":
        return RaceSession(self, testbed, recorder, chance)


class RaceSession(Session):
    def __init__(self, plan: CompareAndSetRace, testbed: Testbed, recorder: Recorder, chance: Random) -> None:
        self._plan = plan
        self._testbed = testbed
        run = f"{chance.getrandbits(32):08x}"
        self._paths = [f"race-{run}-{number}" for number in range(plan.paths)]
        driver = Independent(SERVICE, run)

        def seat(role: str) -> Seat:
            return Seat.at(testbed, recorder, chance, driver, role, plan.link)

        self._racers = [Racer(seat(f"racer-{number}"), self._paths) for number in range(plan.clients)]
        self._reader = seat("race-reader")

    async def open(self) -> None:
        for racer in self._racers:
            await racer.look(self._paths[0])

    async def run(self, seconds: float) -> None:
        await asyncio.gather(*(racer.work(seconds, self._plan.rate) for racer in self._racers))

    async def settle(self) -> None:
        await self._testbed.kill_and_restart()
        for path, values in (await eventually(self._read, f"the history of {CHANNEL}", READ_WITHIN)).items():
            self._reader.record("ok", WRITTEN, Written(SERVICE, path, tuple(values)))

    async def _read(self) -> dict[str, list[str]] | None:
        """The values of each path, in the order of the log; None if it cannot be read now."""
        found: dict[str, list[str]] = {path: [] for path in self._paths}
        try:
            async for event in pages(self._reader, CHANNEL):
                if event["data"].get("state_path") in found:
                    found[event["data"]["state_path"]].append(event["data"]["new_value"])
        except HINDERED:
            return None
        return found

    async def close(self) -> None:
        for racer in self._racers:
            await racer.disconnect()
