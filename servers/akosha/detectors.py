"""What a series of numbers gives away, by published tests that outliers and odd distributions do not mislead.

Every detector looks at the last values of a series, in order of arrival, and says nothing when they are too few.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import erf, isclose, sqrt
from statistics import fmean, median
from typing import Literal, NamedTuple

Direction = Literal["up", "down"]

OUTLIER_WINDOW = 60
OUTLIER_MINIMUM = 10
OUTLIER_THRESHOLD = 3.5

TREND_WINDOW = 50
TREND_MINIMUM = 10

SHIFT_WINDOW = 40
SHIFT_MINIMUM = 20

LONGEST_WINDOW = max(OUTLIER_WINDOW, TREND_WINDOW, SHIFT_WINDOW)

_SEVERITIES = ((12.0, "critical"), (8.0, "high"), (5.0, "medium"))
_NEGLIGIBLE = 1e-9


class Outlier(NamedTuple):
    """A value that its neighbours do not explain.

    spread: the median (`mad`) or mean (`mean_ad`) absolute deviation from the median, as `spread_type` says.
    score: how many robust standard deviations the value is off, with its sign.
    """

    value: float
    median: float
    spread: float
    spread_type: Literal["mad", "mean_ad"]
    score: float
    sample_size: int


class Pattern(NamedTuple):
    """A change in the series; size: its slope per point or its step, in the series' unit.

    confidence: 1 minus the probability of so clear a change in a series that has none.
    """

    pattern_type: Literal["trend", "level_shift"]
    direction: Direction
    confidence: float
    size: float
    sample_size: int


def outlier(values: Sequence[float]) -> Outlier | None:
    """Judge the last value by the modified z-score of Iglewicz and Hoaglin (1993), which is over 3.5 for outliers.

    Where more than half the values are equal the median deviation is 0; they then take the mean deviation.
    """
    sample = values[-OUTLIER_WINDOW:]
    if len(sample) < OUTLIER_MINIMUM:
        return None
    value, center = sample[-1], median(sample)
    if isclose(value, center, rel_tol=_NEGLIGIBLE):
        return None
    deviations = [abs(each - center) for each in sample]
    mad = median(deviations)
    if mad > abs(value - center) * _NEGLIGIBLE:
        found = Outlier(value, center, mad, "mad", 0.6745 * (value - center) / mad, len(sample))
    else:
        mean_ad = fmean(deviations)
        found = Outlier(value, center, mean_ad, "mean_ad", (value - center) / (1.253314 * mean_ad), len(sample))
    return found if abs(found.score) > OUTLIER_THRESHOLD else None


def severity(score: float) -> str:
    """low, medium, high or critical, by how far over the threshold an outlier's score is."""
    return next((name for least, name in _SEVERITIES if abs(score) > least), "low")


def trend(values: Sequence[float]) -> Pattern | None:
    """The test of Mann (1945) and Kendall (1975) for a steady rise or fall, with Sen's slope (1968)."""
    sample = values[-TREND_WINDOW:]
    size = len(sample)
    if size < TREND_MINIMUM:
        return None
    rises = sum(_sign(later - earlier) for earlier, later in combinations(sample, 2))
    ties = sum(_tied(count) for count in Counter(sample).values())
    variance = (_tied(size) - ties) / 18
    pairs = combinations(enumerate(sample), 2)
    slope = median((later - earlier) / (j - i) for (i, earlier), (j, later) in pairs)
    if rises == 0 or slope == 0 or variance <= 0:
        return None
    return Pattern("trend", _direction(rises), _confidence(abs(rises) - 1, variance), slope, size)


def level_shift(values: Sequence[float]) -> Pattern | None:
    """The rank test of Mann and Whitney (1947): did the later half leave the level of the earlier one?

    A steady trend moves the level too, so both may be found in one series.
    """
    sample = values[-SHIFT_WINDOW:]
    size = len(sample)
    if size < SHIFT_MINIMUM:
        return None
    earlier, later = sample[: size // 2], sample[size // 2 :]
    wins = sum(_sign(new - old) for old in earlier for new in later) / 2
    ties = sum(count**3 - count for count in Counter(sample).values())
    variance = len(earlier) * len(later) / 12 * (size + 1 - ties / (size * (size - 1)))
    step = median(later) - median(earlier)
    if wins == 0 or step == 0 or variance <= 0:
        return None
    return Pattern("level_shift", _direction(wins), _confidence(abs(wins) - 0.5, variance), step, size)


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def _direction(sign: float) -> Direction:
    return "up" if sign > 0 else "down"


def _tied(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)


def _confidence(distance: float, variance: float) -> float:
    """How surely a normal variable of this variance around 0 is not as far off by chance, to either side."""
    return erf(max(distance, 0.0) / sqrt(2 * variance))
