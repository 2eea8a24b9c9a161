"""A stage that names another service is run there, once in effect, and its workflow never hangs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from bodhisattva.servers.client import RequestFailed, Unreachable
from bodhisattva.servers.core.errors import Unavailable
from bodhisattva.servers.mahavishnu.runner import run_remote_stages
from bodhisattva.servers.mahavishnu.service import SERVICE
from bodhisattva.servers.tests.bench import Bench

PATIENCE = 5.0
Reply = dict[str, Any] | Exception


class Peer:
    """Another service: answers with the replies in turn, then holds; remembers what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        self.was_asked = asyncio.Event()

    async def request(
        self,
        name: str,
        data: dict[str, Any],
        *,
        id: str,  # noqa: A002 - the client's word for it
        timeout: float,
    ) -> dict[str, Any]:
        self.asked.append((name, data, id))
        self.was_asked.set()
        if not self.replies:
            await asyncio.get_running_loop().create_future()
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


class Host:
    """The part of the server's host that the runner uses, over a bench."""

    def __init__(self, **peers: Peer) -> None:
        self.bench = Bench(SERVICE, user_id="mahavishnu")
        self.peers = peers
        self.log = structlog.get_logger()
        self.executed: list[str] = []
        self.reported = asyncio.Event()
        self.failures: list[Exception] = []
        self._news = asyncio.Condition()

    @property
    def state(self) -> Any:
        return self.bench.state

    async def changed(self) -> None:
        async with self._news:
            await self._news.wait()

    async def execute(self, command_name: str, data: dict[str, Any], request_id: str) -> dict[str, Any]:
        if self.failures:
            raise self.failures.pop(0)
        self.executed.append(request_id)
        self.reported.set()
        return await self.do(command_name, **data)

    async def peer(self, name: str) -> Peer:
        if name not in self.peers:
            raise Unavailable("No such peer is configured.")
        return self.peers[name]

    async def do(self, command: str, **data: Any) -> dict[str, Any]:
        answer = self.bench.do(command, **data).answer
        async with self._news:
            self._news.notify_all()
        return answer

    async def start(self, *stages: Any, timeout: float = PATIENCE) -> None:
        remote = [{"service": "akosha", "request": "aggregate", "timeout": timeout, **each} for each in stages]
        await self.do("start_workflow", workflow_id="w", adapter="local", prompt="x", stages=remote)

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The workflow's status once it meets the condition."""
        async with asyncio.timeout(PATIENCE):
            while not condition(status := self.bench.ask("get_workflow_status", workflow_id="w")):
                await self.changed()
        return status


@asynccontextmanager
async def running(host: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(run_remote_stages(host))
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_stages_are_run_on_their_service_one_after_the_other() -> None:
    peer = Peer({"count": 1}, {"count": 2})
    host = Host(akosha=peer)
    async with running(host):
        await host.start({"name": "one", "data": {"x": 1}}, {"name": "two"})
        status = await host.until(lambda status: status["stages_completed"] == 2)
    assert [stage["result"] for stage in status["stages"]] == [{"count": 1}, {"count": 2}]
    assert peer.asked == [("aggregate", {"x": 1}, "w/stage-0"), ("aggregate", {}, "w/stage-1")]
    await host.do("complete_workflow", workflow_id="w")


async def test_a_refused_stage_fails_its_workflow() -> None:
    host = Host(akosha=Peer(RequestFailed("INVALID_DATA", "No such series.")))
    async with running(host):
        await host.start({"name": "one"})
        status = await host.until(lambda status: status["status"] == "failed")
    assert status["error"] == "Stage one: akosha answered INVALID_DATA: No such series."


async def test_a_stage_of_a_service_without_a_peer_fails_its_workflow() -> None:
    host = Host()
    async with running(host):
        await host.start({"name": "one"})
        status = await host.until(lambda status: status["status"] == "failed")
    assert status["error"] == "Stage one: no peer akosha is configured."


async def test_troubles_that_pass_are_sat_out_under_the_same_request_id() -> None:
    troubles = (Unreachable("refused"), RequestFailed("UNAVAILABLE", "Draining."))
    peer = Peer(*troubles, {"count": 1})
    host = Host(akosha=peer)
    host.failures = [Unavailable("The log cannot be written.")]
    async with running(host):
        await host.start({"name": "one"})
        await host.until(lambda status: status["stages_completed"] == 1)
    assert [request_id for _, _, request_id in peer.asked] == ["w/stage-0"] * 3
    assert host.executed == ["w/stage-0/complete_stage"]


async def test_a_stage_without_answer_fails_its_workflow_at_its_time_limit() -> None:
    host = Host(akosha=Peer())
    async with running(host):
        await host.start({"name": "one"}, timeout=0.05)
        status = await host.until(lambda status: status["status"] == "failed")
    assert status["error"] == "Stage one: akosha did not answer within 0.05 s."


async def test_a_stage_under_way_at_a_crash_is_asked_for_again_under_the_same_id() -> None:
    before, after = Peer(), Peer({"count": 1})
    host = Host(akosha=before)
    await host.start({"name": "one"})
    async with running(host), asyncio.timeout(PATIENCE):
        await before.was_asked.wait()
    host.peers["akosha"] = after
    async with running(host):
        await host.until(lambda status: status["stages_completed"] == 1)
    assert before.asked == after.asked


async def test_a_workflow_failed_meanwhile_stays_failed() -> None:
    peer = Peer()
    host = Host(akosha=peer)
    async with running(host):
        await host.start({"name": "one"}, timeout=0.2)
        await peer.was_asked.wait()
        await host.do("fail_workflow", workflow_id="w", error="called off")
        async with asyncio.timeout(PATIENCE):
            await host.reported.wait()
    assert host.bench.ask("get_workflow_status", workflow_id="w")["error"] == "called off"
