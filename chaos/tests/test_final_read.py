"""The final read is retried when the log cannot be read yet."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bodhisattva.chaos.client import Client
from bodhisattva.chaos.final_read import final_read
from bodhisattva.chaos.generator import OrderedCommands
from bodhisattva.chaos.history import Recorder
from bodhisattva.fixtures.envelope import Envelope


@dataclass(frozen=True)
class Coming(Client):
    """At a replica that answers UNAVAILABLE at first, as while its store comes back."""

    requests: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def connected(self, permissions: Sequence[str]) -> AsyncIterator[Any]:
        yield self

    async def answer(self, event: str, data: Any) -> Envelope:
        self.requests.append(event)
        assert len(self.requests) > 1, "history was refused: UNAVAILABLE"
        return Envelope({"type": "response", "data": {"epoch": "e1", "offset": 0, "events": []}}, "", 0.0)


async def test_a_log_that_cannot_be_read_yet_is_requests_for_again(tmp_path: Path) -> None:
    unused: Any = None
    with Recorder(tmp_path / "history.jsonl") as recorder:
        client = Coming("reader", iter(()), unused, OrderedCommands("fastblocks", "run"), recorder, Random(1))  # noqa: S311
        log = await final_read(client)
    assert (log.epoch, client.requests) == ("e1", ["history", "history"])
