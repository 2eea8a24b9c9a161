"""What detectors find, each with the numbers that it rests on."""

from math import erf, sqrt
from typing import Literal, NamedTuple

Direction = Literal["up", "down"]
PatternType = Literal["trend", "level_shift", "drift", "season"]

# Differences of this share of a value are those of floating point.
NEGLIGIBLE = 1e-9


class Outlier(NamedTuple):
    """A value that its neighbours do not explain.

    median: of the sample; with a season (`period` in values), where that leads one to expect the value.
    spread: the median (`mad`) or mean (`mean_ad`) absolute deviation from the median, as `spread_type` says.
    score: how many robust standard deviations the value is off, with its sign.
    """

    value: float
    median: float
    spread: float
    spread_type: Literal["mad", "mean_ad"]
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
