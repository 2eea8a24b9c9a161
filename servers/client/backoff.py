"""Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter")."""

import random
from collections.abc import Callable

_MAX_DOUBLINGS = 32


class Backoff:
    """Delays in seconds, drawn from [0, min(cap, base * 2**n)] for the n-th failure in a row."""

    def __init__(
        self, base: float = 0.1, cap: float = 5.0, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._base = base
        self._cap = cap
        self._uniform = uniform
        self._failures = 0

    def next(self) -> float:
        """The delay before the next attempt; each call counts one more failure."""
        ceiling = min(self._cap, self._base * 2 ** min(self._failures, _MAX_DOUBLINGS))
        self._failures += 1
        return self._uniform(0.0, ceiling)

    def reset(self) -> None:
        """An attempt succeeded: the next delay is short again."""
        self._failures = 0
