"""The delays between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.client.backoff import Backoff


def highest(_low: float, high: float) -> float:
    return high


def lowest(low: float, _high: float) -> float:
    return low


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    backoff = Backoff(base=1.0, cap=5.0, uniform=highest)
    assert [backoff.next() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_delays_are_drawn_from_zero_to_the_ceiling() -> None:
    backoff = Backoff(base=1.0, cap=5.0, uniform=lowest)
    assert [backoff.next() for _ in range(3)] == [0.0, 0.0, 0.0]


def test_a_success_resets_the_ceiling() -> None:
    backoff = Backoff(base=1.0, cap=5.0, uniform=highest)
    backoff.next()
    backoff.next()
    backoff.reset()
    assert backoff.next() == 1.0


@given(failures=st.integers(0, 5000))
def test_no_number_of_failures_exceeds_the_cap(failures: int) -> None:
    backoff = Backoff(base=0.1, cap=10.0)
    assert all(0.0 <= backoff.next() <= 10.0 for _ in range(failures + 1))
