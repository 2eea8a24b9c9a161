"""A worker that reads a path and sets it by compare-and-set, in a race with other workers."""

from collections.abc import Sequence
from typing import Any

from bodhisattva.chaos.client import Client
from bodhisattva.chaos.operations import GET, SET, CompareAndSet, RegisterRead
from bodhisattva.chaos.worker import Worker
from bodhisattva.fixtures.envelope import Envelope

NOT_FOUND = "NOT_FOUND"


class RegisterWorker(Worker):
    """Reads a path, and sets it if its version is still the one read; no two values are equal."""

    def __init__(self, client: Client, paths: Sequence[str]) -> None:
        super().__init__(client)
        self._paths = paths
        self._requests = 0

    async def run(self, seconds: float, rate: float) -> None:
        """Read and set for that long, `rate` times per second at most."""
        end = self.client.recorder.now + seconds
        while self.client.recorder.now < end:
            path = self.client.rng.choice(self._paths)
            version = await self.read(path)
            if version is not None:
                await self._compare_and_set(path, version)
            await self.pause(rate)

    async def read(self, path: str) -> int | None:
        """The version of a path, 0 where there is nothing yet; None without a response."""
        service = self.client.generator.service
        self.client.record("invoke", GET, RegisterRead(service, path))
        response = await self._call("get_state", {"state_path": path})
        if response is None or (response.type == "error" and response.error_code != NOT_FOUND):
            self.client.record("info", GET, RegisterRead(service, path))
            return None
        found = RegisterRead(service, path)
        if response.type == "response":
            found = RegisterRead(service, path, response.data["version"], response.data["value"])
        self.client.record("ok", GET, found)
        return found.version

    async def _compare_and_set(self, path: str, expected: int) -> None:
        service, value = self.client.generator.service, f"{self.client.name}/{self._requests}"
        attempt = CompareAndSet(service, path, value, expected)
        self.client.record("invoke", SET, attempt)
        data = {"state_path": path, "value": value, "expected_version": expected}
        response = await self._call("set_state", data)
        if response is None:
            self.client.record("info", SET, attempt)
        elif response.type == "response":
            done = CompareAndSet(service, path, value, expected, response.data["version"])
            self.client.record("ok", SET, done)
        else:
            self.client.record("fail", SET, attempt)

    async def _call(self, request: str, data: dict[str, Any]) -> Envelope | None:
        """The response of whichever replica gives it first; every attempt has the same id."""
        name = f"{self.client.name}/{self._requests}"
        self._requests += 1
        response, _ = await self.call(request, data, name)
        return response
