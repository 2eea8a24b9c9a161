"""Clients connect and disconnect in every way; between two loads the service is idle, and its gauges are read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random

from bodhisattva.chaos.churn_client import CHURN_ERRORS, DIAGRAMS, ENDINGS, SERVICE, ChurnClient, Pace
from bodhisattva.chaos.gauges import ALLOWED, COUNTS, read_gauges
from bodhisattva.chaos.history import Recorder, Type
from bodhisattva.chaos.operations import BASELINE, CHURN, FIRST_IDLE, GAUGES, SECOND_IDLE, SOAK, WARM_UP, Churn, Gauges
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.workload import Session, Workload
from bodhisattva.fixtures.clock import TimedOut, eventually

SAMPLES = "metrics"
_SETTLING = 3.0  # seconds of idling before the last reading
_LONGEST_REASON = 80


@dataclass(frozen=True)
class ConnectionChurn(Workload):
    """connections: at all times during warm-up and soak, whatever the time of the run."""

    connections: int
    pace: Pace

    def begin(self, testbed: Testbed, recorder: Recorder, rng: Random) -> "ChurnSession":
        return ChurnSession(self, testbed, recorder, rng)


class ChurnSession(Session):
    def __init__(self, plan: ConnectionChurn, testbed: Testbed, recorder: Recorder, rng: Random) -> None:
        self._plan = plan
        self._recorder = recorder
        self._rng = rng
        self._node = testbed.nodes[SERVICE]
        self._stage = BASELINE
        self._baseline: dict[str, float] = {}
        self._sampling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Create the diagrams that all clients share."""
        client = self._client()
        async with client.connection() as peer:
            await client.authenticate(peer)
            for number in range(DIAGRAMS):
                await client.request(peer, "create_diagram", diagram_id=f"d{number}")
        self._sampling = asyncio.create_task(self._sample())

    async def run(self, seconds: float) -> None:
        await self._idle(BASELINE)
        await self._load(WARM_UP, self._plan.pace.warm_up)
        await self._idle(FIRST_IDLE)
        await self._load(SOAK, self._plan.pace.soak)

    async def final_reads(self) -> None:
        await self._idle(SECOND_IDLE)

    async def close(self) -> None:
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)

    async def _idle(self, stage: str) -> None:
        """Wait until the gauges are back at the baseline, `pace.drain` at most, and record them."""
        self._stage = stage
        await asyncio.sleep(self._plan.pace.window)
        await self._command()
        with suppress(TimedOut):
            await eventually(self._drained, "the gauges to be back at the baseline", self._plan.pace.drain, every=1)
        await asyncio.sleep(_SETTLING)
        values = await read_gauges(self._node)
        self._baseline = self._baseline or values
        self._record("ok", values)

    async def _command(self) -> None:
        """The service forgets the answers that it need not keep any longer at the next command."""
        client = self._client()
        async with client.connection() as peer:
            await client.authenticate(peer)
            await client.request(peer, "update_diagram", diagram_id="d0", elements=[])

    async def _drained(self) -> bool:
        if not self._baseline:
            return True
        now = await read_gauges(self._node)
        return all(now[name] <= self._baseline[name] + ALLOWED.get(name, 0) for name in COUNTS)

    async def _load(self, stage: str, seconds: float) -> None:
        self._stage = stage
        async with self._clients():
            await asyncio.sleep(seconds)

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[None]:
        """So many clients within the block; at its end all are dropped at once."""
        tasks = {asyncio.create_task(self._churn(f"client-{number}")) for number in range(self._plan.connections)}
        try:
            yield
        finally:
            # Until Python 3.12 `wait_for` may swallow a cancellation that comes with what was awaited.
            while tasks:
                for task in tasks:
                    task.cancel()
                _, tasks = await asyncio.wait(tasks, timeout=1)

    async def _churn(self, process: str) -> None:
        """One client after the other."""
        await asyncio.sleep(self._rng.uniform(0, self._plan.pace.stay))
        while True:
            ending = self._rng.choice(list(ENDINGS))
            self._recorder.record(process, "invoke", CHURN, Churn(SERVICE, ending))
            try:
                await self._client().run(ending)
            except asyncio.CancelledError:
                self._recorder.record(process, "info", CHURN, Churn(SERVICE, ending))
                raise
            except CHURN_ERRORS as error:
                reason = f"{type(error).__name__} {error}"[:_LONGEST_REASON]
                self._recorder.record(process, "info", CHURN, Churn(SERVICE, ending, reason))
                await asyncio.sleep(self._plan.pace.stay)
            else:
                self._recorder.record(process, "ok", CHURN, Churn(SERVICE, ending))

    async def _sample(self) -> None:
        while True:
            try:
                self._record("info", await read_gauges(self._node))
            except (OSError, TimedOut) as error:
                self._recorder.record(SAMPLES, "fail", GAUGES, Gauges(SERVICE, self._stage, {}, str(error)))
            await asyncio.sleep(1)

    def _record(self, type: Type, values: dict[str, float]) -> None:  # noqa: A002
        self._recorder.record(SAMPLES, type, GAUGES, Gauges(SERVICE, self._stage, values))

    def _client(self) -> ChurnClient:
        return ChurnClient(self._node, Random(self._rng.getrandbits(64)), self._plan.pace)  # noqa: S311
