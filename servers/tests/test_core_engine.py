"""The engine: nothing is seen before it is durable, nothing is executed twice, and a failed write is recovered from."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.delivery.write_batch import WriteBatch
from bodhisattva.servers.core.domain import Context, Join
from bodhisattva.servers.core.engine import local_appender
from bodhisattva.servers.core.engine.deduplication import Answers, Outcome, key_of
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.local_appender import LocalAppender
from bodhisattva.servers.core.errors import ErrorCode
from bodhisattva.servers.core.log.base import Entry, LogError, LogRefused, Position, StoredAnswer, StoredEvent
from bodhisattva.servers.core.log.memory import MemoryLog
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.tests.ledger import LEDGER, UNAPPLICABLE, State
from bodhisattva.servers.tests.recording_receiver import RecordingReceiver


class HeldLog(MemoryLog):
    """Writes at once, but reports on command: `commit`, `fail` (nothing was written), `fail(lied=True)` (it was)."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[tuple[Entry, asyncio.Future[None]]] = []
        self.holding = True
        self.broken = False
        self.writes = 0

    def append(self, entry: Entry) -> "asyncio.Future[None]":
        self.writes += 1
        if not self.holding:
            return super().append(entry)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held.append((entry, done))
        return done

    def commit(self, entries: int = 1) -> None:
        for _ in range(entries):
            entry, done = self.held.pop(0)
            super().append(entry).result()
            done.set_result(None)

    def fail(self, *, lied: bool = False) -> None:
        """Fail all that is held, as a log does after its first failure."""
        for number, (entry, done) in enumerate(self.held):
            if lied and number == 0:
                super().append(entry).result()
            done.set_exception(LogError("disk full"))
        self.held.clear()

    async def recover(self) -> None:
        if self.broken:
            raise LogError("still full")


class Listener(RecordingReceiver):
    """The hub's receiver of `global` and of what is waved at `a`."""

    @property
    def amounts(self) -> list[int]:
        return [event["data"]["amount"] for event in self.received]

    @property
    def offsets(self) -> list[int]:
        return [event["offset"] for event in self.received]


class Desk:
    """An engine on a held log, used by one user, with one subscriber."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.metrics = Metrics("ledger", "ledger-server")
        batch = WriteBatch(lambda: 10**6)
        self.hub = Hub(LEDGER, self.metrics, batch)
        self.engine = Engine(LEDGER, log, self.hub, self.metrics, 60, partial(LocalAppender, log))
        self.listener = Listener(batch)
        self.hub.subscribe("global", self.listener)
        self.hub.subscribe("waves:a", self.listener)
        self._ids = count(1)

    def context(self, user_id: str = "ada") -> Context:
        return Context(datetime(2026, 1, 1, tzinfo=UTC), user_id, "c1", lambda: f"id-{next(self._ids)}", {})

    def do(self, command: str, request_id: str | None = None, *, user_id: str = "ada", **data: Any) -> list[Outcome]:
        """The outcomes that come, now and later."""
        outcomes: list[Outcome] = []
        handler = LEDGER.command_handlers[command]
        self.engine.command(handler, data, self.context(user_id), request_id, outcomes.append)
        return outcomes

    def post(
        self, amount: int, request_id: str | None = None, account: str = "a", user_id: str = "ada"
    ) -> list[Outcome]:
        return self.do("post", request_id, user_id=user_id, account=account, amount=amount)

    def request(self, query: str, **data: Any) -> list[Outcome]:
        outcomes: list[Outcome] = []
        self.engine.query(LEDGER.query_handlers[query], data, self.context(), outcomes.append)
        return outcomes

    async def recovered(self) -> None:
        async with asyncio.timeout(5):
            while not self.engine.available:  # noqa: ASYNC110 - the engine offers nothing to wait on
                await asyncio.sleep(0.001)


@asynccontextmanager
async def opened(log: MemoryLog) -> AsyncIterator[Desk]:
    desk = Desk(log)
    await desk.engine.start()
    try:
        yield desk
    finally:
        await desk.engine.stop()


@pytest.fixture
async def held(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Desk, HeldLog]]:
    monkeypatch.setattr(local_appender, "_RECOVERY_PAUSE", 0.001)
    log = HeldLog()
    async with opened(log) as desk:
        yield desk, log


Held = tuple[Desk, HeldLog]


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def codes(*outcomes: Sequence[Outcome]) -> list[ErrorCode | None]:
    return [outcome.code for each in outcomes for outcome in each]


async def test_s5_neither_answer_nor_event_comes_before_the_commit(held: Held) -> None:
    desk, log = held
    answers = desk.post(5)
    await settle()
    assert (answers, desk.listener.received, desk.engine.offset("account:a")) == ([], [], 0)
    log.commit()
    await settle()
    assert [answer.decoded()["balance"] for answer in answers] == [5]
    assert (desk.listener.amounts, desk.engine.offset("account:a")) == ([5], 1)


async def test_s5_a_query_waits_for_what_it_saw(held: Held) -> None:
    desk, log = held
    desk.post(5)
    answers = desk.request("balance", account="a")
    await settle()
    assert answers == []
    log.commit()
    await settle()
    assert [answer.decoded()["balance"] for answer in answers] == [5]


async def test_s5_a_query_is_answered_as_of_when_it_came(held: Held) -> None:
    desk, log = held
    desk.post(5)
    answers = desk.request("balance", account="a")
    desk.post(6)
    log.commit(2)
    await settle()
    assert answers[0].decoded() == {"balance": 5, "amounts": [5]}


async def test_s5_a_refusal_waits_for_what_it_was_decided_on(held: Held) -> None:
    desk, log = held
    desk.post(5)
    refused = desk.post(-6)
    await settle()
    assert refused == []
    log.commit(2)
    await settle()
    assert codes(refused) == [ErrorCode.CONFLICT]
    assert refused[0].decoded() == {"field": "amount", "expected": 0}


async def test_s5_offsets_rise_by_one_on_each_channel(held: Held) -> None:
    desk, log = held
    for number in range(6):
        desk.post(1, account="ab"[number % 2])
    log.commit(6)
    await settle()
    assert desk.listener.offsets == [1, 2, 3, 4, 5, 6]
    assert [desk.engine.offset(channel) for channel in ("account:a", "account:b", "global")] == [3, 3, 6]


@pytest.mark.parametrize("lied", [False, True])
async def test_a_failed_write_is_unavailable_and_then_forgotten_or_found(held: Held, lied: bool) -> None:
    desk, log = held
    first, second, requested = desk.post(1, "r1"), desk.post(2, "r2"), desk.request("balance", account="a")
    log.fail(lied=lied)
    await settle()
    assert codes(first, second, requested) == [ErrorCode.UNAVAILABLE] * 3
    assert not desk.engine.available
    assert codes(desk.post(9), desk.request("balance", account="a")) == [ErrorCode.UNAVAILABLE] * 2
    await desk.recovered()
    assert desk.listener.amounts == ([1] if lied else []), "what turns out durable is delivered, and nothing else"
    log.holding = False
    again = [desk.post(1, "r1"), desk.post(2, "r2")]
    await settle()
    assert [each[0].decoded()["balance"] for each in again] == [1, 3]
    assert (desk.listener.amounts, desk.listener.offsets) == ([1, 2], [1, 2])
    assert desk.engine.state.balances == {"a": 3}  # type: ignore[attr-defined]


async def test_a_store_that_stays_broken_is_tried_again_until_it_works(held: Held) -> None:
    desk, log = held
    log.broken = True
    desk.post(1)
    log.fail()
    await asyncio.sleep(0.02)
    assert not desk.engine.available
    log.broken, log.holding = False, False
    await desk.recovered()
    answers = desk.post(1)
    await settle()
    assert codes(answers) == [None]


async def test_waiting_for_a_change_ends_with_each_event_and_with_recovery(held: Held) -> None:
    desk, log = held
    waiting = asyncio.ensure_future(desk.engine.changed())
    desk.post(1)
    await settle()
    assert not waiting.done()
    log.commit()
    await asyncio.wait_for(waiting, 1)
    waiting = asyncio.ensure_future(desk.engine.changed())
    desk.post(1)
    await settle()
    log.fail()
    await asyncio.wait_for(waiting, 1)


async def test_s1_2_the_same_id_is_executed_once_and_gets_the_first_answer(held: Held) -> None:
    desk, log = held
    early = [desk.post(5, "r1"), desk.post(5, "r1"), desk.post(7, "r1")]
    assert log.writes == 1
    log.commit()
    await settle()
    late = desk.post(5, "r1")
    assert [each[0] for each in (*early, late)] == [early[0][0]] * 4
    assert (log.writes, desk.listener.amounts) == (1, [5])


async def test_s1_2_ids_are_each_user_s_own(held: Held) -> None:
    desk, log = held
    log.holding = False
    answers = desk.post(5, "r1"), desk.post(5, "r1", user_id="bob"), desk.post(5), desk.post(5)
    await settle()
    assert [each[0].decoded()["balance"] for each in answers] == [5, 10, 15, 20]


async def test_s1_2_a_refusal_is_an_answer_too(held: Held) -> None:
    desk, log = held
    log.holding = False
    refused = desk.post(-1, "r1")
    desk.post(10)
    again = desk.post(-1, "r1")
    await settle()
    assert codes(refused, again) == [ErrorCode.CONFLICT] * 2
    assert desk.listener.amounts == [10]


async def test_s1_2_what_is_ephemeral_is_delivered_once(held: Held) -> None:
    desk, log = held
    first, second = desk.do("wave", "r1", account="a"), desk.do("wave", "r1", account="a")
    assert first == second
    assert ([event["event"] for event in desk.listener.received], log.writes) == (["waved"], 0)


async def test_s5_what_is_ephemeral_comes_after_what_it_was_decided_on(held: Held) -> None:
    desk, log = held
    desk.post(1)
    waved = desk.do("wave", account="a")
    await settle()
    assert (waved, desk.listener.received) == ([], [])
    log.commit()
    await settle()
    assert [event["event"] for event in desk.listener.received] == ["posted", "waved"]


async def test_nobody_enters_over_a_connection_that_ended(held: Held) -> None:
    desk, _ = held
    assert codes(desk.do("enter", account="a")) == [None]
    assert desk.listener.received == []
    desk.hub.change_membership("c1", Join("waves:a", {}))
    assert [member["connection_id"] for member in desk.hub.present("waves:a")] == ["listener"]


@pytest.mark.parametrize("command", ["break_down", "stray"])
async def test_s1_a_broken_command_is_an_internal_error_without_its_reason(held: Held, command: str) -> None:
    desk, log = held
    answers = desk.do(command, "r1", words="hunter2")
    assert codes(answers) == [ErrorCode.INTERNAL_ERROR]
    assert "hunter2" not in answers[0].message
    assert b"passwd" not in bytes(answers[0].data)
    assert log.writes == 0


async def test_s1_a_broken_query_is_an_internal_error_without_its_reason(held: Held) -> None:
    desk, _ = held
    answers = desk.request("crash", words="hunter2")
    assert codes(answers) == [ErrorCode.INTERNAL_ERROR]
    assert "passwd" not in answers[0].message


async def test_an_event_that_cannot_be_applied_leaves_no_trace(held: Held) -> None:
    desk, log = held
    log.holding = False
    desk.post(1)
    assert codes(desk.post(UNAPPLICABLE)) == [ErrorCode.INTERNAL_ERROR]
    await settle()
    await desk.recovered()
    answers = desk.post(1)
    await settle()
    assert answers[0].decoded()["balance"] == 2
    assert desk.listener.amounts == [1, 1]


@pytest.mark.parametrize("data", [{}, {"account": "a"}, {"account": 5, "amount": 1}, {"account": "a", "amount": "x"}])
async def test_s3_wrong_data_is_refused_and_records_nothing(held: Held, data: dict[str, Any]) -> None:
    desk, log = held
    log.holding = False
    answers = desk.do("post", **data)
    await settle()
    assert codes(answers) == [ErrorCode.INVALID_DATA]
    assert desk.listener.received == []


async def test_a_bridge_s_event_and_its_position_are_one_entry(held: Held) -> None:
    desk, log = held
    position = Position("source", "E", 7)
    handler = LEDGER.command_handlers["post"]
    answers: list[Outcome] = []
    decide = lambda state: handler.function(  # noqa: E731
        state, handler.input_type(account="a", amount=1), desk.context()
    )
    desk.engine.react(decide, position, answers.append)
    assert desk.engine.positions == {}
    (entry, _), *_ = log.held
    assert (len(entry.events), entry.position) == (1, position)
    log.commit()
    await settle()
    assert desk.engine.positions == {"source": position}


async def test_a_log_that_cannot_be_replayed_is_refused_in_a_line() -> None:
    log = MemoryLog()
    async with opened(log) as desk:
        desk.post(1)
    event = log._channels["global"][0][1]
    log._channels["global"] = deque([(1, StoredEvent(1, event.id, event.name, event.at, event.channels, _raw("{}")))])
    with pytest.raises(LogRefused, match="cannot be replayed"):
        await Desk(log).engine.start()


def _raw(text: str) -> Any:
    return msgspec.Raw(text.encode())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 9)), max_size=30))
async def test_a_restart_gives_the_same_state_offsets_and_answers(posts: list[tuple[str, int]]) -> None:
    posts = [(account, amount) for account, amount in posts if amount != UNAPPLICABLE]
    log = MemoryLog()
    async with opened(log) as desk:
        before = [desk.post(amount, f"r{n}", account=account) for n, (account, amount) in enumerate(posts)]
        await settle()
    async with opened(log) as again:
        state, restored = desk.engine.state, again.engine.state
        assert isinstance(state, State)
        assert isinstance(restored, State)
        assert restored.balances == state.balances
        assert again.engine.offset("global") == desk.engine.offset("global")
        after = [again.post(amount, f"r{n}", account=account) for n, (account, amount) in enumerate(posts)]
        assert after == before


def test_s1_2_answers_are_kept_for_the_window_and_no_longer() -> None:
    answers = Answers(window=10)
    first = Outcome.of({"n": 1})
    answers.begin(("ada", "r1"))
    answers.settle(("ada", "r1"), first, 100.0)
    got: list[Outcome] = []
    assert answers.is_repeated(("ada", "r1"), got.append, 110.0)
    assert not answers.is_repeated(("ada", "r1"), got.append, 110.1)
    assert got == [first]
    answers.begin(("ada", "r2"))
    answers.settle(("ada", "r2"), first, 200.0)
    assert list(answers._known) == [("ada", "r2")]


def test_s1_2_long_ids_are_distinguished_and_not_kept_at_length() -> None:
    first, second = key_of("ada", "x" * 1_000_000), key_of("ada", "x" * 1_000_001)
    assert first == key_of("ada", "x" * 1_000_000) != second
    assert len("".join(first)) < 100
    assert key_of("ada", "r1") == ("ada", "r1")


def test_s1_2_stored_answers_come_back_whole() -> None:
    refused = Outcome(_raw('{"field":"x"}'), ErrorCode.CONFLICT, "No.")
    answers = Answers(window=10)
    answers.load([StoredAnswer("ada", "r1", 100.0, msgspec.json.encode(refused))])
    got: list[Outcome] = []
    assert answers.is_repeated(("ada", "r1"), got.append, 105.0)
    assert got == [refused]
