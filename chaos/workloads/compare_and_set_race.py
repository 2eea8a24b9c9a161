"""Clients at all replicas set the same few paths, each expecting the version that it read; only one can win."""

import asyncio
from dataclasses import dataclass
from random import Random

from bodhisattva.chaos.client import RETRYABLE_ERRORS, Client
from bodhisattva.chaos.final_read import pages
from bodhisattva.chaos.generator import IndependentCommands
from bodhisattva.chaos.history import Recorder
from bodhisattva.chaos.operations import FINAL_REGISTER, FinalRegister
from bodhisattva.chaos.register_worker import RegisterWorker
from bodhisattva.chaos.testbed import Testbed
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

    def begin(self, testbed: Testbed, recorder: Recorder, rng: Random) -> "RaceSession":
        return RaceSession(self, testbed, recorder, rng)


class RaceSession(Session):
    def __init__(self, plan: CompareAndSetRace, testbed: Testbed, recorder: Recorder, rng: Random) -> None:
        self._plan = plan
        self._testbed = testbed
        run = f"{rng.getrandbits(32):08x}"
        self._paths = [f"race-{run}-{number}" for number in range(plan.paths)]
        generator = IndependentCommands(SERVICE, run)

        def client(role: str) -> Client:
            return Client.create(testbed, recorder, rng, generator, role, plan.link)

        self._workers = [RegisterWorker(client(f"worker-{number}"), self._paths) for number in range(plan.clients)]
        self._reader = client("race-reader")

    async def open(self) -> None:
        for worker in self._workers:
            await worker.read(self._paths[0])

    async def run(self, seconds: float) -> None:
        await asyncio.gather(*(worker.run(seconds, self._plan.rate) for worker in self._workers))

    async def final_reads(self) -> None:
        await self._testbed.kill_and_restart()
        for path, values in (await eventually(self._read, f"the history of {CHANNEL}", READ_WITHIN)).items():
            self._reader.record("ok", FINAL_REGISTER, FinalRegister(SERVICE, path, tuple(values)))

    async def _read(self) -> dict[str, list[str]] | None:
        """The values of each path, in the order of the log; None if it cannot be read now."""
        found: dict[str, list[str]] = {path: [] for path in self._paths}
        try:
            async for page in pages(self._reader, CHANNEL):
                for event in page.events:
                    if event["data"].get("state_path") in found:
                        found[event["data"]["state_path"]].append(event["data"]["new_value"])
        except RETRYABLE_ERRORS:
            return None
        return found

    async def close(self) -> None:
        for worker in self._workers:
            await worker.disconnect()
