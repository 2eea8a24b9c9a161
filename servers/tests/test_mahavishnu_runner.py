"""A stage that names another service is run there, once in effect, and its workflow never hangs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from bodhisattva.servers.client import AuthenticationFailed, Backoff, ConnectionLost, RequestFailed, Unreachable
from bodhisattva.servers.core.errors import Unavailable
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.mahavishnu import runner
from bodhisattva.servers.mahavishnu.runner import run_calls
from bodhisattva.servers.mahavishnu.service import SERVICE
from bodhisattva.servers.tests.harness import Harness

PATIENCE = 5.0
Reply = dict[str, Any] | Exception
REFUSED = RequestFailed("INVALID_DATA", "No such series.")
BUSY = RequestFailed("UNAVAILABLE", "Draining.")
LOST = ConnectionLost(1006, "")


def undoing(name: str, **more: Any) -> dict[str, Any]:
    """A stage that can be undone."""
    return {"name": name, "compensation": {"request": "undo", "data": {"of": name}, **more}}


def finished(status: dict[str, Any]) -> bool:
    """Whether the workflow is over, compensations included."""
    made = [stage["compensation"] for stage in status["stages"] if stage["compensation"]]
    return status["status"] != "running" and all(each["status"] != "due" for each in made)


class Peer:
    """Another service: answers with the replies in turn, then holds; records the requests."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[tuple[str, dict[str, Any], str]] = []
        self.request_arrived = asyncio.Event()

    async def request(
        self,
        name: str,
        data: dict[str, Any],
        *,
        id: str,  # noqa: A002 - the client's word for it
        timeout: float,
    ) -> dict[str, Any]:
        self.requests.append((name, data, id))
        self.request_arrived.set()
        if not self.replies:
            await asyncio.get_running_loop().create_future()
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def wait_requests(self, number: int) -> None:
        """Wait until so many requests have arrived."""
        async with asyncio.timeout(PATIENCE):
            while len(self.requests) < number:
                self.request_arrived.clear()
                await self.request_arrived.wait()


class Deduplicating(Peer):
    """Gives the same answer under the same id (1.2)."""

    def __init__(self, **replies: Reply) -> None:
        super().__init__()
        self._kept = replies

    async def request(
        self,
        name: str,
        data: dict[str, Any],
        *,
        id: str,  # noqa: A002 - the client's word for it
        timeout: float,
    ) -> dict[str, Any]:
        self.replies = [self._kept[id.replace("w/", "").replace("-", "_")]]
        await asyncio.sleep(0)
        return await super().request(name, data, id=id, timeout=timeout)


class Host:
    """The part of the server's host that the runner uses, over a harness."""

    def __init__(self, **peers: Peer) -> None:
        self.harness = Harness(SERVICE, user_id="mahavishnu")
        self.peers = peers
        self.log = structlog.get_logger()
        self.metrics = Metrics("mahavishnu", "mahavishnu")
        self.failures: list[Exception] = []
        self._news = asyncio.Condition()

    @property
    def state(self) -> Any:
        return self.harness.state

    async def changed(self) -> None:
        async with self._news:
            await self._news.wait()

    async def execute(self, command_name: str, data: dict[str, Any]) -> dict[str, Any]:
        if self.failures:
            raise self.failures.pop(0)
        return await self.do(command_name, **data)

    async def request(
        self,
        service: str,
        name: str,
        data: dict[str, Any],
        *,
        id: str,  # noqa: A002 - the client's word for it
        timeout: float,
    ) -> dict[str, Any]:
        if service not in self.peers:
            raise Unavailable("No such peer is configured.")
        return await self.peers[service].request(name, data, id=id, timeout=timeout)

    def continue_trace(self, _traceparent: str | None) -> AbstractContextManager[None]:
        return nullcontext()

    async def do(self, command: str, **data: Any) -> dict[str, Any]:
        self.harness.now = datetime.now(UTC)
        answer = self.harness.execute(command, **data).answer
        async with self._news:
            self._news.notify_all()
        return answer

    async def start(self, *stages: Any, timeout: float = PATIENCE) -> None:
        remote = [{"service": "akosha", "request": "aggregate", "timeout": timeout, **each} for each in stages]
        await self.do("start_workflow", workflow_id="w", adapter="local", prompt="x", stages=remote)

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The workflow's status once it meets the condition."""
        async with asyncio.timeout(PATIENCE):
            while not condition(status := self.status):
                await self.changed()
        return status

    @property
    def status(self) -> dict[str, Any]:
        return self.harness.query("get_workflow_status", workflow_id="w")

    @property
    def recorded(self) -> list[tuple[str, Any]]:
        """What happened after the start: each event's name, and the stage that it is about."""
        return [(event.name.removeprefix("workflow."), event.data.get("stage_name")) for event in self.harness.log[1:]]


@asynccontextmanager
async def running(host: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(run_calls(host))
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_remote_stages_are_called_one_after_another() -> None:
    peer = Peer({"count": 1}, {"count": 2})
    host = Host(akosha=peer)
    async with running(host):
        await host.start({"name": "one", "data": {"x": 1}}, {"name": "two"})
        status = await host.until(lambda status: status["stages_completed"] == 2)
    assert [stage["result"] for stage in status["stages"]] == [{"count": 1}, {"count": 2}]
    assert peer.requests == [("aggregate", {"x": 1}, "w/stage-0"), ("aggregate", {}, "w/stage-1")]
    await host.do("complete_workflow", workflow_id="w")


async def test_a_stage_can_refer_to_an_earlier_result() -> None:
    peer = Peer({"ids": ["a", "b"]}, {}, REFUSED, {})
    host = Host(akosha=peer)
    second = {"$result": ["one", "ids", 1]}
    compensation = {"request": "undo", "data": {"list": [second, {"first": {"$result": ["one", "ids", 0]}}]}}
    async with running(host):
        await host.start(
            {"name": "one", "compensation": compensation},
            {"name": "two", "data": {"id": second, "plain": {"$result": 1, "more": 2}}},
            {"name": "three"},
        )
        await host.until(finished)
    data = [data for _, data, _ in peer.requests]
    assert data == [{}, {"id": "b", "plain": {"$result": 1, "more": 2}}, {}, {"list": ["b", {"first": "a"}]}]


async def test_an_unresolved_reference_fails_the_stage_without_a_request() -> None:
    peer = Peer({"ids": []})
    host = Host(akosha=peer)
    async with running(host):
        await host.start({"name": "one"}, {"name": "two", "data": {"id": {"$result": ["one", "ids", 0]}}})
        status = await host.until(finished)
    assert status["error"] == "Stage two: there is no result one.ids.0."
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (REFUSED, "akosha answered INVALID_DATA: No such series."),
        (AuthenticationFailed("bad token"), "akosha does not accept this service."),
        (ConnectionLost(1009, "too large"), "akosha cannot process this request: the connection ended: 1009 too large"),
    ],
)
async def test_a_refused_stage_fails_its_workflow_and_is_not_retried(reply: Exception, reason: str) -> None:
    host = Host(akosha=Peer(reply))
    async with running(host):
        await host.start({"name": "one"})
        status = await host.until(finished)
    assert status["error"] == f"Stage one: {reason}"
    assert [name for name, _ in host.recorded] == ["stage_started", "failed"]


async def test_a_stage_of_a_service_without_a_peer_fails_its_workflow() -> None:
    host = Host()
    async with running(host):
        await host.start(undoing("one"))
        status = await host.until(finished)
    assert status["error"] == "Stage one: no peer akosha is configured."
    assert status["stages"][0]["compensation"] is None


async def test_temporary_errors_are_retried_under_the_same_request_id() -> None:
    peer = Peer(Unreachable("refused"), BUSY, {"count": 1})
    host = Host(akosha=peer)
    host.failures = [Unavailable("The log cannot be written.")]
    async with running(host):
        await host.start({"name": "one"})
        status = await host.until(lambda status: status["stages_completed"] == 1)
    assert [request_id for _, _, request_id in peer.requests] == ["w/stage-0"] * 3
    assert status["stages"][0]["attempts"] == 2
    assert status["stages"][0]["error"] == "UNAVAILABLE: Draining."
    assert [name for name, _ in host.recorded] == [
        "stage_started",
        "stage_attempt_failed",
        "stage_attempt_failed",
        "stage_completed",
    ]


async def test_a_stage_fails_after_its_attempts() -> None:
    peer = Peer(BUSY, LOST, BUSY)
    host = Host(akosha=peer)
    async with running(host):
        await host.start({"name": "one", "attempts": 2})
        status = await host.until(finished)
    assert len(peer.requests) == 2
    assert status["error"] == "Stage one: akosha was given up after 2 attempts: the connection ended: 1006"


async def test_a_stage_without_answer_fails_its_workflow_at_its_time_limit() -> None:
    host = Host(akosha=Peer())
    async with running(host):
        await host.start({"name": "one"}, timeout=0.05)
        status = await host.until(finished)
    assert status["error"] == "Stage one: akosha did not answer within 0.05 s."


async def test_there_is_no_pause_after_the_last_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stages before it did was left undone for up to five seconds more."""
    monkeypatch.setattr(runner, "Backoff", lambda cap: Backoff(base=60, cap=60, uniform=lambda _, most: most))
    host = Host(akosha=Peer(BUSY))
    async with running(host):
        await host.start({"name": "one", "attempts": 1}, timeout=60)
        status = await host.until(finished)
    assert status["error"] == "Stage one: akosha was given up after 1 attempts: UNAVAILABLE: Draining."


async def test_a_stage_under_way_at_a_crash_is_retried_under_the_same_id() -> None:
    before, after = Peer(), Peer({"count": 1})
    host = Host(akosha=before)
    await host.start({"name": "one"})
    async with running(host), asyncio.timeout(PATIENCE):
        await before.request_arrived.wait()
    deadline = host.status["stages"][0]["deadline"]
    host.peers["akosha"] = after
    async with running(host):
        status = await host.until(lambda status: status["stages_completed"] == 1)
    assert before.requests == after.requests
    assert status["stages"][0]["deadline"] == deadline, "its time began anew"


async def test_a_crash_does_not_reset_deadline_and_attempts() -> None:
    host = Host(akosha=Peer(BUSY))
    await host.start({"name": "one", "attempts": 2}, timeout=0.3)
    async with running(host):
        await host.until(lambda status: status["stages"][0]["attempts"] == 1)
    host.peers["akosha"] = again = Peer(BUSY, BUSY)
    async with running(host):
        await host.until(finished)
    assert len(again.requests) == 1
    late = Host(akosha=Peer())
    await late.start({"name": "one"}, timeout=0.1)
    async with running(late):
        await late.peers["akosha"].request_arrived.wait()
    await asyncio.sleep(0.1)
    late.peers["akosha"] = never = Peer({})
    async with running(late):
        status = await late.until(finished)
    assert "did not answer within 0.1 s" in status["error"]
    assert never.requests == []


async def test_completed_stages_are_compensated_the_last_first() -> None:
    peer, other = Peer({}, {}, {}, REFUSED, {"undone": "two"}), Peer({"undone": "one"})
    host = Host(akosha=peer, dhruva=other)
    async with running(host):
        await host.start(undoing("one", service="dhruva"), undoing("two"), {"name": "three"}, undoing("four"))
        status = await host.until(finished)
    assert peer.requests[-1] == ("undo", {"of": "two"}, "w/compensation-1")
    assert other.requests == [("undo", {"of": "one"}, "w/compensation-0")]
    assert host.recorded[-5:] == [
        ("failed", "four"),
        ("compensation_started", "two"),
        ("compensation_completed", "two"),
        ("compensation_started", "one"),
        ("compensation_completed", "one"),
    ]
    assert [stage["compensation"] and stage["compensation"]["result"] for stage in status["stages"]] == [
        {"undone": "one"},
        {"undone": "two"},
        None,
        None,
    ]


@pytest.mark.parametrize(("command", "status"), [("fail_workflow", "failed"), ("cancel_workflow", "cancelled")])
async def test_a_cancelled_workflow_is_compensated_with_the_stage_under_way(command: str, status: str) -> None:
    peer = Peer({})
    host = Host(akosha=peer)
    words = {"error": "called off"} if command == "fail_workflow" else {"reason": "called off"}
    async with running(host):
        await host.start(undoing("one"), undoing("two"))
        await peer.wait_requests(2)
        peer.replies = [{}, {}]
        answer = await host.do(command, workflow_id="w", **words)
        shown = await host.until(finished)
    assert answer == {"workflow_id": "w", "status": status, "compensations": 2}
    assert (shown["status"], shown["error"]) == (status, "called off")
    assert [data for name, data, _ in peer.requests if name == "undo"] == [{"of": "two"}, {"of": "one"}]


async def test_a_compensation_may_find_that_its_stage_had_no_effect() -> None:
    peer = Peer(LOST, RequestFailed("NOT_FOUND", "There is nothing."))
    host = Host(akosha=peer)
    async with running(host):
        await host.start(undoing("one") | {"attempts": 1})
        status = await host.until(finished)
    assert status["stages"][0]["compensation"]["status"] == "completed"


async def test_a_failed_compensation_is_recorded_and_the_others_are_made() -> None:
    peer = Peer({}, {}, REFUSED, BUSY, BUSY, {"undone": "one"})
    host = Host(akosha=peer)
    async with running(host):
        await host.start(undoing("one"), undoing("two", attempts=2), {"name": "three"})
        status = await host.until(finished)
    first, second, _ = (stage["compensation"] for stage in status["stages"])
    assert (first["status"], second["status"]) == ("completed", "failed")
    assert second["error"] == "akosha was given up after 2 attempts: UNAVAILABLE: Draining."
    counted = host.metrics.calls
    assert [each._value.get() for each in counted] == [3.0, 2.0, 2.0]


async def test_a_compensation_is_retried_until_its_recorded_deadline() -> None:
    host = Host(akosha=Peer({}, REFUSED, BUSY, LOST))
    async with running(host):
        await host.start(undoing("one", timeout=60), {"name": "two"})
        await host.until(lambda status: (status["stages"][0]["compensation"] or {}).get("attempts") == 2)
    shown = host.status["stages"][0]["compensation"]
    assert (shown["status"], shown["error"]) == ("due", "the connection ended: 1006")
    left = (datetime.fromisoformat(shown["deadline"]) - datetime.now(UTC)).total_seconds()
    assert 50 < left <= 60
    host.peers["akosha"] = peer = Peer(BUSY, {"undone": "one"})
    async with running(host):
        status = await host.until(finished)
    assert status["stages"][0]["compensation"] == shown | {
        "status": "completed",
        "result": {"undone": "one"},
        "attempts": 3,
        "error": None,
    }
    assert [request_id for _, _, request_id in peer.requests] == ["w/compensation-0"] * 2


async def test_a_restart_does_not_move_the_deadline_of_a_compensation() -> None:
    host = Host(akosha=Peer({}, REFUSED, BUSY))
    async with running(host):
        await host.start(undoing("one", timeout=0.2), {"name": "two"})
        await host.until(lambda status: (status["stages"][0]["compensation"] or {}).get("attempts") == 1)
    deadline = host.status["stages"][0]["compensation"]["deadline"]
    await asyncio.sleep((datetime.fromisoformat(deadline) - datetime.now(UTC)).total_seconds())
    host.peers["akosha"] = never = Peer({})
    async with running(host):
        status = await host.until(finished)
    shown = status["stages"][0]["compensation"]
    assert (shown["status"], shown["deadline"]) == ("failed", deadline)
    assert shown["error"] == "akosha did not answer within 0.2 s."
    assert never.requests == []


async def test_a_crash_between_compensations_repeats_none_under_another_id() -> None:
    host = Host(akosha=Peer({}, {}, REFUSED))
    async with running(host):
        await host.start(undoing("one"), undoing("two"), {"name": "three"})
        await host.until(lambda status: "compensation-1" in host.harness.state.workflows["w"].progress)
    host.peers["akosha"] = peer = Peer({}, {})
    async with running(host):
        await host.until(finished)
    assert [request_id for _, _, request_id in peer.requests] == ["w/compensation-1", "w/compensation-0"]


async def test_replicas_send_one_request_id_and_record_the_answer_once() -> None:
    """Two runners on one state, as replicas have it."""
    peer = Deduplicating(stage_0={}, stage_1=REFUSED, compensation_0={})
    host = Host(akosha=peer)
    async with running(host), running(host):
        await host.start(undoing("one"), {"name": "two"})
        await host.until(finished)
    assert {request_id for _, _, request_id in peer.requests} == {"w/stage-0", "w/stage-1", "w/compensation-0"}
    names = [event for event in host.recorded if "attempt" not in event[0]]
    assert len(names) == len(set(names)) == 6
