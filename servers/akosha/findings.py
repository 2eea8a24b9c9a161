"""What detectors find, each with the numbers that it rests on."""

from collections.abc import Iterable, Sequence
from math import erf, sqrt
from statistics import median
from typing import Literal, NamedTuple

Direction = Literal["up", "down"]
SpreadType = Literal["mad", "mean_ad", "floor"]
PatternType = Literal["trend", "level_shift", "drift", "season"]

# Differences of this share of the values are those of rounding: whoever keeps seven digits has no smaller ones.
NEGLIGIBLE = 1e-6
# Rounding leaves as much of sums that ought to be zero.
LEAST = 1e-14


def negligible(values: Iterable[float]) -> float:
    """Up to what size a difference between such values is none."""
    return max(NEGLIGIBLE * median(map(abs, values)), LEAST)


def levelled(values: Sequence[float], nothing: float | None = None) -> list[float]:
    """The same values, where those that differ by nothing are equal; by themselves they say what nothing is."""
    if not values:
        return []
    nothing, level = negligible(values) if nothing is None else nothing, min(values)
    levels = {}
    for value in sorted(values):
        level = level if value - level <= nothing else value
        levels[value] = level
    return [levels[value] for value in values]


class Outlier(NamedTuple):
    """A value that its neighbours do not explain.

    median: of the sample; with a season (`period` in values), where that leads one to expect the value.
    spread: the median (`mad`) or mean (`mean_ad`) absolute deviation from the median, as `spread_type` says, or the
    least spread that counts beside such values (`floor`).
    score: how many robust standard deviations the value is off, with its sign.
    """

    value: float
    median: float
    spread: float
    spread_type: SpreadType
    score: float
    sample_size: int
    period: int | None = None


class Pattern(NamedTuple):
    """A change in the series, or a season; size: slope per value, step or amplitude, in the series' unit.

    period: of the season, in values; of a change, that of the season without which it was looked for.
    confidence: 1 minus the probability of so clear a pattern in a series that has none.
    """

    pattern_type: PatternType
    direction: Direction | None
    confidence: float
    size: float
    sample_size: int
    period: int | None = None

    @property
    def condition(self) -> str:
        """What is the same as long as the pattern goes on."""
        return f"{self.pattern_type}:{self.direction or self.period}"


def direction(sign: float) -> Direction:
    return "up" if sign > 0 else "down"


def confidence(distance: float, variance: float) -> float:
    """How surely a normal variable of this variance around 0 is not as far off by chance, to either side."""
    return erf(max(distance, 0.0) / sqrt(2 * variance)) if variance > 0 else float(distance > 0)
