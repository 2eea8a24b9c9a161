"""A client that sets paths by compare-and-set, against others that do the same, and says what came of it."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from bodhisattva.chaos.client import LOST, Seat
from bodhisattva.chaos.commander import ANSWER_WITHIN, BACKOFF, GIVE_UP_AFTER, PASSING
from bodhisattva.chaos.vocabulary import LOOK, SET, Attempt, Look
from bodhisattva.fixtures.clock import units
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.wire import WireClient

NOT_THERE = "NOT_FOUND"


class Racer:
    """Looks at a path, and sets it if it is still as it was seen; each value is unlike every other."""

    def __init__(self, seat: Seat, paths: Sequence[str]) -> None:
        self.seat = seat
        self._paths = paths
        self._sent = 0
        self._client: WireClient | None = None
        self._open = AsyncExitStack()

    async def work(self, seconds: float, rate: float) -> None:
        end = self.seat.recorder.now + seconds
        while self.seat.recorder.now < end:
            path = self.seat.chance.choice(self._paths)
            seen = await self.look(path)
            if seen is not None:
                await self._set(path, seen)
            await asyncio.sleep(self.seat.chance.uniform(0.5, 1.5) / rate)

    async def look(self, path: str) -> int | None:
        """The version of a path; None if nobody said."""
        service = self.seat.driver.service
        self.seat.record("invoke", LOOK, Look(service, path))
        answer = await self._until_answered("get_state", {"state_path": path})
        if answer is None or (answer.type == "error" and answer.error_code != NOT_THERE):
            self.seat.record("info", LOOK, Look(service, path))
            return None
        seen = Look(service, path)
        if answer.type == "response":
            seen = Look(service, path, answer.data["version"], answer.data["value"])
        self.seat.record("ok", LOOK, seen)
        return seen.version

    async def _set(self, path: str, expected: int) -> None:
        value = f"{self.seat.name}/{self._sent}"
        attempt = Attempt(self.seat.driver.service, path, value, expected)
        self.seat.record("invoke", SET, attempt)
        data = {"state_path": path, "value": value, "expected_version": expected}
        answer = await self._until_answered("set_state", data)
        if answer is None:
            self.seat.record("info", SET, attempt)
        elif answer.type == "response":
            won = Attempt(attempt.service, path, value, expected, answer.data["version"])
            self.seat.record("ok", SET, won)
        else:
            self.seat.record("fail", SET, attempt)

    async def _until_answered(self, request: str, data: dict[str, Any]) -> Envelope | None:
        """The answer, from whichever replica gives it; the same request all the time."""
        name = f"{self.seat.name}/{self._sent}"
        self._sent += 1
        give_up = self.seat.recorder.now + units(GIVE_UP_AFTER)
        while self.seat.recorder.now < give_up:
            try:
                client = self._client or await self._connect()
                answer = await client.request(request, data, id=name, within=ANSWER_WITHIN)
            except LOST:
                await self.disconnect()
            else:
                if answer.error_code not in PASSING:
                    return answer
            await asyncio.sleep(self.seat.chance.uniform(*BACKOFF))
        return None

    async def disconnect(self) -> None:
        self._client = None
        await self._open.aclose()

    async def _connect(self) -> WireClient:
        self._open = AsyncExitStack()
        self._client = await self._open.enter_async_context(self.seat.connected(self.seat.driver.writing))
        return self._client
