"""What every client of a workload has in common, and what may happen to its connection while faults are about."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp
import msgspec

from bodhisattva.chaos.driver import Driver
from bodhisattva.chaos.history import Recorder, Type
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.toxiproxy import Link
from bodhisattva.fixtures.clock import TimedOut
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.fixtures.wire import ConnectionEnded, HandshakeRefused, TlsRefused, WireClient

# How a connection is lost. Each is an expected observation of a client under faults, not a defect of the run;
# a client also gives up a connection over which it got an answer that it cannot read.
LOST = (
    OSError,
    aiohttp.ClientError,
    TimedOut,
    ConnectionEnded,
    HandshakeRefused,
    TlsRefused,
    msgspec.ValidationError,
)
# What to try again after while faults are about: a loss, or a refusal, as by a replica whose store is away.
HINDERED = (*LOST, AssertionError)

PATIENCE = 3.0
CLOSED_WITHIN = 0.5


@dataclass(frozen=True)
class Seat:
    """Where a client sits: who it is, which links it uses and for what, where it writes, and its own randomness.

    links: of the service's replicas, taken in turn, one for each connection.
    """

    name: str
    links: Iterator[Link]
    tokens: Tokens
    driver: Driver
    recorder: Recorder
    chance: Random

    @classmethod
    def at(cls, testbed: Testbed, recorder: Recorder, chance: Random, driver: Driver, role: str, link: str) -> "Seat":
        """A seat for one client of the driver's service; its randomness is drawn from `chance`."""
        return cls(
            f"{driver.service}-{role}",
            testbed.ways(driver.service, link),
            testbed.tokens,
            driver,
            recorder,
            Random(chance.getrandbits(64)),  # noqa: S311 - it must repeat, not surprise
        )

    @asynccontextmanager
    async def connected(self, permissions: Sequence[str]) -> AsyncIterator[WireClient]:
        """A connection that is authenticated and welcomed; closed at the end, or cut if that takes long.

        Raises one of LOST, or AssertionError if the service refuses a good token.
        """
        link = next(self.links)
        client = await WireClient.open(link.url, link.trust, within=PATIENCE)
        try:
            await client.authenticate(self.tokens.valid(self.name, permissions), within=PATIENCE)
            yield client
        finally:
            await _hang_up(client)

    def record(self, type: Type, f: str, value: Any) -> None:  # noqa: A002
        self.recorder.record(self.name, type, f, value)


async def _hang_up(client: WireClient) -> None:
    try:
        async with asyncio.timeout(CLOSED_WITHIN):
            await client.close()
    except LOST:
        await client.abort()
