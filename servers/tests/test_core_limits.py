"""What is counted (protocol 4): rates, connections, heartbeats. Time is an argument, so none passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.config import Limits, Timeouts
from bodhisattva.servers.core.connections.limits import ConnectionCounts, RateGuard
from bodhisattva.servers.core.transport.heartbeat import Beat, Heartbeat

LIMITS = Limits(messages_per_second=10, burst_factor=2, rate_patience=3)


def test_s4_the_burst_is_taken_and_no_more() -> None:
    guard = RateGuard(LIMITS, 0.0)
    assert [guard.take(0.0, LIMITS) for _ in range(20)] == [0.0] * 20
    assert guard.take(0.0, LIMITS) == pytest.approx(0.1)


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_s4_never_more_than_rate_and_burst_allow(pauses: list[float]) -> None:
    guard = RateGuard(LIMITS, 0.0)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += guard.take(now, LIMITS) == 0
        assert taken <= 20 + now * 10 + 1e-6


@given(st.floats(0, 100), st.integers(21, 60))
def test_s4_whoever_waits_for_retry_after_is_admitted(start: float, messages: int) -> None:
    guard = RateGuard(LIMITS, start)
    retry_after = [guard.take(start, LIMITS) for _ in range(messages)][-1]
    assert guard.take(start + retry_after + 1e-6, LIMITS) == 0


def test_s4_a_rate_below_one_still_lets_a_message_in() -> None:
    slow = Limits(messages_per_second=0.1)
    assert RateGuard(slow, 0.0).take(0.0, slow) == 0


def _flood(guard: RateGuard, start: float, seconds: float) -> float:
    now = start
    while now < start + seconds:
        guard.take(now, LIMITS)
        now += 0.02
    return now


def test_s4_a_client_that_keeps_on_is_exhausted_after_the_patience() -> None:
    guard = RateGuard(LIMITS, 0.0)
    assert not guard.exhausted(_flood(guard, 0.0, 2.5), LIMITS)
    assert guard.exhausted(_flood(guard, 2.5, 1.5), LIMITS)


def test_s4_a_calm_second_is_forgiven() -> None:
    guard = RateGuard(LIMITS, 0.0)
    _flood(guard, 0.0, 2.9)
    assert not guard.exhausted(_flood(guard, 5.0, 2.5), LIMITS)


def test_s7_reloaded_limits_hold_for_connections_that_are_there() -> None:
    guard = RateGuard(LIMITS, 0.0)
    stricter = Limits(messages_per_second=1, burst_factor=1)
    assert guard.take(1.0, stricter) == 0
    assert guard.take(1.0, stricter) == pytest.approx(1.0)


def test_s2_capacity_in_all_and_per_address_and_user() -> None:
    counts = ConnectionCounts(lambda: Limits(connections=3, connections_per_address=2, connections_per_user=1))
    assert [counts.add("a"), counts.add("a"), counts.add("a"), counts.add("b"), counts.add("c")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert [counts.add_user("ada"), counts.add_user("ada")] == [True, False]


def test_s2_an_ended_connection_frees_its_slots() -> None:
    counts = ConnectionCounts(lambda: Limits(connections=1, connections_per_user=1))
    for _ in range(3):
        assert counts.add("a")
        assert counts.add_user("ada")
        counts.remove("a")
        counts.remove_user("ada")
    counts.remove_user("")
    assert counts.total == 0
    assert (dict(counts._addresses), dict(counts._users)) == ({}, {})


TIMEOUTS = Timeouts(ping_interval=20, ping_timeout=15)


def test_s4_a_ping_goes_out_at_each_interval() -> None:
    heart = Heartbeat(TIMEOUTS, 0.0)
    beats = {}
    for second in range(61):
        heart.data_received()
        beats[second] = heart.tick(float(second), TIMEOUTS)
    assert [second for second, beat in beats.items() if beat is Beat.PING] == [20, 40, 60]


def test_s4_silence_after_a_ping_is_the_end() -> None:
    heart = Heartbeat(TIMEOUTS, 0.0)
    assert heart.tick(20.0, TIMEOUTS) is Beat.PING
    assert heart.tick(34.9, TIMEOUTS) is Beat.NONE
    assert heart.tick(35.0, TIMEOUTS) is Beat.GONE


def test_s4_any_byte_received_proves_life() -> None:
    heart = Heartbeat(TIMEOUTS, 0.0)
    heart.tick(20.0, TIMEOUTS)
    heart.data_received()
    assert heart.tick(36.0, TIMEOUTS) is Beat.NONE


def test_s4_the_first_unanswered_ping_counts_when_the_timeout_is_longer_than_the_interval() -> None:
    patient = Timeouts(ping_interval=5, ping_timeout=12)
    heart = Heartbeat(patient, 0.0)
    assert [heart.tick(at, patient) for at in (5.0, 10.0, 15.0, 17.0)] == [Beat.PING, Beat.PING, Beat.PING, Beat.GONE]


def test_s4_a_ping_that_is_on_its_way_gives_its_answer_more_time() -> None:
    heart = Heartbeat(TIMEOUTS, 0.0)
    heart.ping_delayed(1.0)
    assert heart.due(TIMEOUTS) == 20.0
    assert heart.tick(20.0, TIMEOUTS) is Beat.PING
    assert heart.due(TIMEOUTS) == 35.0
    heart.ping_delayed(30.0)
    assert heart.tick(40.0, TIMEOUTS) is Beat.PING
    assert heart.due(TIMEOUTS) == 45.0
    assert heart.tick(45.0, TIMEOUTS) is Beat.GONE
