"""The findings of detectors, each with its figures."""

from collections.abc import Iterable, Sequence
from math import erf, sqrt
from statistics import median
from typing import Literal, NamedTuple

Direction = Literal["up", "down"]
SpreadType = Literal["mad", "mean_ad", "floor"]
PatternType = Literal["trend", "level_shift", "drift", "season"]

# A difference of this share of the values is a rounding error, as in values that were kept to seven digits.
NEGLIGIBLE = 1e-6
# The rounding error of a sum that should be zero.
LEAST = 1e-14


def negligible(values: Iterable[float]) -> float:
    """The largest difference between such values that counts as none."""
    return max(NEGLIGIBLE * median(map(abs, values)), LEAST)


def levelled(values: Sequence[float], nothing: float | None = None) -> list[float]:
    """The values without negligible differences. nothing: the largest of those, by default `negligible(values)`."""
    if not values:
        return []
    nothing, level = negligible(values) if nothing is None else nothing, min(values)
    levels = {}
    for value in sorted(values):
        level = level if value - level <= nothing else value
        levels[value] = level
    return [levels[value] for value in values]


class Outlier(NamedTuple):
    """A value far from the others.

    median: of the sample; with a season (`period` in values), the value that the season predicts.
    spread: by `spread_type`, the median (`mad`) or mean (`mean_ad`) absolute deviation from the median, or the least
    spread for such values (`floor`).
    score: the signed distance from the median, in robust standard deviations.
    """

    value: float
    median: float
    spread: float
    spread_type: SpreadType
    score: float
    sample_size: int
    period: int | None = None


class Pattern(NamedTuple):
    """A change in the series, or a season.

    size: slope per value, step or amplitude, in the series' unit.
    period: of the season, in values. For a change: of the season that was removed first.
    confidence: 1 minus the probability of so clear a pattern in a series without one.
    """

    pattern_type: PatternType
    direction: Direction | None
    confidence: float
    size: float
    sample_size: int
    period: int | None = None

    @property
    def condition(self) -> str:
        """A key that stays the same as long as the pattern lasts."""
        return f"{self.pattern_type}:{self.direction or self.period}"


def direction(sign: float) -> Direction:
    return "up" if sign > 0 else "down"


def confidence(distance: float, variance: float) -> float:
    """The probability that a normal variable with this variance is nearer to 0 than `distance` (two-sided)."""
    return erf(max(distance, 0.0) / sqrt(2 * variance)) if variance > 0 else float(distance > 0)
