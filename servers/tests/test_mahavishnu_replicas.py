"""Two replicas of mahavishnu on one real Redis run a workflow's calls: each has its effect once, whoever dies."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from bodhisattva.servers.core.config import LogConfig, Peer
from bodhisattva.servers.mahavishnu.service import SERVICE as MAHAVISHNU
from bodhisattva.servers.session_buddy.service import SERVICE as SESSION_BUDDY
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.running import Client, Running, running, until

LONG = 20.0
SESSIONS = ["s1", "s2", "s3"]


class Fleet:
    """two: the replicas, of which a test may stop the first. there: where the stages are run."""

    def __init__(self, two: list[Running], there: Running) -> None:
        self.two = two
        self.there = there

    async def start(self, *stages: Any) -> None:
        client = await self.two[0].connect()
        started = {"workflow_id": "w", "adapter": "x", "prompt": "y", "stages": stages}
        answer = await client.request("start_workflow", **started)
        assert answer["type"] == "response", answer

    @property
    def workflow(self) -> Any:
        """As the second replica knows it; None before that."""
        return self.two[1].server.parts.engine.state.workflows.get("w")  # type: ignore[attr-defined]

    async def happened(self) -> list[tuple[str, str]]:
        """What the service that got the request has recorded of sessions."""
        return [(event["event"], event["data"]["session_id"]) for event in await history(await self.there.connect())]

    async def recorded(self) -> list[tuple[str, str]]:
        """What the replicas have recorded of the workflow's calls, but for attempts that failed."""
        events = await history(await self.two[1].connect())
        named = [(event["event"], event["data"].get("call", event["data"].get("stage_name"))) for event in events]
        return [each for each in named if "attempt" not in each[0]]


async def history(client: Client) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = (await client.request("history", channel="global"))["data"]["events"]
    return events


@pytest.fixture
async def fleet(redis: RedisServer) -> AsyncIterator[Fleet]:
    log = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(running(SESSION_BUDDY))
        peers = {"session-buddy": Peer(there.server.url)}
        two = [await stack.enter_async_context(running(MAHAVISHNU, log=log, peers=peers)) for _ in range(2)]
        yield Fleet(two, there)


def opening(session: str) -> dict[str, Any]:
    compensation = {"request": "close_session", "data": {"session_id": session}}
    data = {"session_id": session, "project": "p"}
    stage = {"name": session, "service": "session-buddy", "request": "create_session", "data": data}
    return stage | {"compensation": compensation}


REFUSED = {"name": "refused", "service": "session-buddy", "request": "close_session", "data": {"session_id": "none"}}


def is_undone(fleet: Fleet) -> bool:
    made = fleet.workflow.compensations if fleet.workflow else []
    return bool(made) and all(each.status == "completed" for each in made)


async def test_stages_and_compensations_have_their_effect_once(fleet: Fleet) -> None:
    await fleet.start(*map(opening, SESSIONS), REFUSED)
    await until(lambda: is_undone(fleet), "not undone", LONG)
    created = [("session.created", session) for session in SESSIONS]
    closed = [("session.closed", session) for session in reversed(SESSIONS)]
    assert await fleet.happened() == [*created, *closed]
    recorded = await fleet.recorded()
    assert len(recorded) == len(set(recorded)), "something is recorded twice"


async def test_a_replica_goes_on_where_another_stops(fleet: Fleet) -> None:
    await fleet.start(*map(opening, SESSIONS), "by hand")
    await until(lambda: fleet.workflow and fleet.workflow.results, "no stage is completed", LONG)
    await fleet.two[0].server.stop()
    await until(lambda: len(fleet.workflow.results) == len(SESSIONS), "the stages are not completed", LONG)
    assert await fleet.happened() == [("session.created", session) for session in SESSIONS]
    recorded = await fleet.recorded()
    assert len(recorded) == len(set(recorded)), "something is recorded twice"
