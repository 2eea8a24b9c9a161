"""The client of a workload, and the errors that it meets while faults are injected."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp
import msgspec

from bodhisattva.chaos.generator import CommandGenerator
from bodhisattva.chaos.history import Recorder, Type
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.toxiproxy import Link
from bodhisattva.fixtures.clock import TimedOut
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.fixtures.wire import ConnectionEnded, HandshakeRefused, TlsRefused, WireClient

# How a connection fails. Each is an expected observation of a client under faults, not a defect of the run;
# a client also gives up a connection over which it got a response that it cannot read.
CONNECTION_ERRORS = (
    OSError,
    aiohttp.ClientError,
    TimedOut,
    ConnectionEnded,
    HandshakeRefused,
    TlsRefused,
    msgspec.ValidationError,
)
# What to retry after while faults are injected: a failed connection, or a refusal, as by a replica without its store.
RETRYABLE_ERRORS = (*CONNECTION_ERRORS, AssertionError)

TIMEOUT = 3.0
CLOSE_TIMEOUT = 0.5


@dataclass(frozen=True)
class Client:
    """One user of a service, whose process in the history has its name.

    links: of the service's replicas, taken in turn, one for each connection. rng: its own randomness.
    """

    name: str
    links: Iterator[Link]
    tokens: Tokens
    generator: CommandGenerator
    recorder: Recorder
    rng: Random

    @classmethod
    def create(
        cls, testbed: Testbed, recorder: Recorder, rng: Random, generator: CommandGenerator, role: str, link: str
    ) -> "Client":
        """A client of the generator's service; its own randomness is seeded from `rng`."""
        return cls(
            f"{generator.service}-{role}",
            testbed.links_in_turn(generator.service, link),
            testbed.tokens,
            generator,
            recorder,
            Random(rng.getrandbits(64)),  # noqa: S311 - it must repeat, not surprise
        )

    @asynccontextmanager
    async def connected(self, permissions: Sequence[str]) -> AsyncIterator[WireClient]:
        """A connection that is authenticated and welcomed; closed at the end, or aborted if that takes long.

        Raises one of CONNECTION_ERRORS, or AssertionError if the service refuses a good token.
        """
        link = next(self.links)
        client = await WireClient.open(link.url, link.trust, within=TIMEOUT)
        try:
            await client.authenticate(self.tokens.valid(self.name, permissions), within=TIMEOUT)
            yield client
        finally:
            await _close(client)

    def record(self, type: Type, f: str, value: Any) -> None:  # noqa: A002
        self.recorder.record(self.name, type, f, value)


async def _close(client: WireClient) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await client.close()
    except CONNECTION_ERRORS:
        await client.abort()
