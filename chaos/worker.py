"""A worker invokes operations one after the other, and retries each until it knows the outcome."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from bodhisattva.chaos.client import CONNECTION_ERRORS, Client
from bodhisattva.fixtures.clock import units
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.wire import WireClient

REQUEST_TIMEOUT = 1.5
GIVE_UP_AFTER = 10.0
BACKOFF = (0.05, 0.3)

# Error codes that decide nothing about the operation itself: the same id may be sent again.
RETRYABLE_CODES = frozenset({"UNAVAILABLE", "RATE_LIMIT_EXCEEDED"})


class Worker:
    """One client with one connection at a time; each connection goes to the next replica."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._connection: WireClient | None = None
        self._exit = AsyncExitStack()

    async def connect(self) -> WireClient:
        """The connection, opened if there is none; raises what `Client.connected` raises."""
        if self._connection is None:
            self._exit = AsyncExitStack()
            connecting = self.client.connected(self.client.generator.write_permissions)
            self._connection = await self._exit.enter_async_context(connecting)
        return self._connection

    async def disconnect(self) -> None:
        self._connection = None
        await self._exit.aclose()

    async def call(self, request: str, data: dict[str, Any], id: str) -> tuple[Envelope | None, int]:  # noqa: A002
        """The response, or the error that is final, and the number of attempts; None after GIVE_UP_AFTER."""
        attempts = 0
        deadline = self.client.recorder.now + units(GIVE_UP_AFTER)
        while self.client.recorder.now < deadline:
            attempts += 1
            response = await self.attempt(request, data, id)
            if response is not None:
                return response, attempts
            await asyncio.sleep(self.client.rng.uniform(*BACKOFF))
        return None, attempts

    async def attempt(self, request: str, data: dict[str, Any], id: str) -> Envelope | None:  # noqa: A002
        """The response to one sending; None if it was lost or the request is to be retried."""
        try:
            connection = await self.connect()
            response = await connection.request(request, data, id=id, within=REQUEST_TIMEOUT)
        except CONNECTION_ERRORS:
            await self.disconnect()
            return None
        return None if response.error_code in RETRYABLE_CODES else response

    async def pause(self, rate: float) -> None:
        """Wait for the next operation, so that about `rate` are invoked per second."""
        await asyncio.sleep(self.client.rng.uniform(0.5, 1.5) / rate)
