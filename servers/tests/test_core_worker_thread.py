"""What is prepared on a thread is decided on the loop, once, and waits for its place."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine import worker_thread
from bodhisattva.servers.core.engine.deduplication import Outcome, answering
from bodhisattva.servers.core.engine.worker_thread import WorkerThread
from bodhisattva.servers.core.errors import Conflict, ErrorCode, Unavailable
from bodhisattva.servers.core.log.memory import MemoryLog
from bodhisattva.servers.core.service import Handler
from bodhisattva.servers.tests.ledger import Post, State, post
from bodhisattva.servers.tests.test_core_engine import Desk, opened

GATE = threading.Event()


def weigh(state: State, data: Post) -> Post:
    """Wait for the gate; a note is refused."""
    GATE.wait(5)
    if data.note is not None:
        raise Conflict("No notes.", field="note")
    return data


def weighed(state: State, data: Post, context: Context) -> dict[str, Any]:
    return {"amount": data.amount}


POST = Handler.of(post, prepare=weigh)
WEIGHED = Handler.of(weighed, prepare=weigh)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    GATE.clear()
    async with opened(MemoryLog()) as desk:
        yield desk
        GATE.set()


def _post(desk: Desk, request_id: str | None, handler: Handler = POST, **data: Any) -> "asyncio.Future[Outcome]":
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    desk.engine.command(handler, {"account": "a", **data}, desk.context(), request_id, answering(outcome))
    return outcome


async def test_the_loop_goes_on_meanwhile(desk: Desk) -> None:
    outcome = _post(desk, None, amount=1)
    at_once = _post(desk, None, handler=Handler.of(post), amount=2)
    assert (await at_once).decoded()["balance"] == 2
    assert not outcome.done()
    GATE.set()
    assert (await outcome).decoded()["balance"] == 3


async def test_a_command_that_comes_twice_is_done_once(desk: Desk) -> None:
    outcomes = [_post(desk, "r", amount=1) for _ in range(2)]
    GATE.set()
    first, second = await asyncio.gather(*outcomes)
    assert first == second
    assert isinstance(desk.engine.state, State)
    assert desk.engine.state.balances["a"] == 1


async def test_what_is_refused_while_it_is_prepared_is_answered_so(desk: Desk) -> None:
    GATE.set()
    assert (await _post(desk, "r", amount=1, note="n")).code is ErrorCode.CONFLICT
    assert (await _post(desk, "s", amount="much")).code is ErrorCode.INVALID_DATA


async def test_a_query_is_answered_from_what_was_prepared(desk: Desk) -> None:
    GATE.set()
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    desk.engine.query(WEIGHED, {"account": "a", "amount": 5}, desk.context(), answering(outcome))
    assert (await outcome).decoded() == {"amount": 5}


async def test_there_is_an_end_to_what_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_thread, "MOST_WAITING", 1)
    GATE.clear()
    worker, done = WorkerThread(), asyncio.Event()
    worker.run(lambda: GATE.wait(5), lambda future: done.set())
    with pytest.raises(Unavailable):
        worker.run(lambda: None, lambda future: None)
    GATE.set()
    await done.wait()
    worker.run(lambda: None, lambda future: None)
    worker.stop()
