"""Detectors for outliers and patterns in a series: published tests that are robust to outliers and odd distributions.

Every detector reads the last values of a series, in order of arrival, and returns None if they are too few.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import fmean, median

from bodhisattva.servers.akosha import control, season
from bodhisattva.servers.akosha.findings import (
    Outlier,
    Pattern,
    SpreadType,
    confidence,
    direction,
    levelled,
    negligible,
)

OUTLIER_WINDOW = 60
OUTLIER_MINIMUM = 10
OUTLIER_THRESHOLD = 3.5
FLAT = 1e-4  # the least standard deviation of a constant series, as a share of its values

TREND_WINDOW = 50
TREND_MINIMUM = 10

SHIFT_WINDOW = 40
SHIFT_MINIMUM = 20

LONGEST_WINDOW = max(OUTLIER_WINDOW, TREND_WINDOW, SHIFT_WINDOW, control.REFERENCE + control.RECENT, season.WINDOW)

_SEVERITIES = ((12.0, "critical"), (8.0, "high"), (5.0, "medium"))


def outlier(values: Sequence[float], period: int | None = None) -> Outlier | None:
    """Judge the last value by the modified z-score of Iglewicz and Hoaglin (1993); outliers score over 3.5.

    If more than half the values are equal, the median deviation is 0, and the mean deviation takes its place.
    For a single different value that is proportional to the value, so every size would get the same score.
    The spread is therefore at least FLAT. In a series with a season the residual is judged.
    """
    seasonal = period is not None and len(values) >= season.CYCLES * period
    sample = values[-max(OUTLIER_WINDOW, season.CYCLES * period if seasonal and period else 0) :]
    if len(sample) < OUTLIER_MINIMUM:
        return None
    levels = season.usual(sample, period) if seasonal and period else [0.0] * len(sample)
    residuals = [value - level for value, level in zip(sample, levels, strict=True)]
    center = median(residuals)
    value, expected, distance = sample[-1], levels[-1] + center, residuals[-1] - center
    deviations = [abs(each - center) for each in residuals]
    mad = median(deviations)
    if 0.6745 * abs(distance) <= OUTLIER_THRESHOLD * mad:
        return None
    mean_ad, usual = fmean(deviations), max(median(map(abs, sample)), abs(expected))
    least_difference, floor = negligible([usual]), FLAT * max(abs(value), usual)
    if abs(distance) <= least_difference:
        return None
    scored: tuple[float, SpreadType, float]
    if mad > least_difference:
        scored = (mad, "mad", 0.6745 * distance / mad)
    elif 1.253314 * mean_ad > floor:
        scored = (mean_ad, "mean_ad", distance / (1.253314 * mean_ad))
    else:
        scored = (floor, "floor", distance / floor)
    spread, kind, score = scored
    found = Outlier(value, expected, spread, kind, score, len(sample), period if seasonal else None)
    return found if abs(found.score) > OUTLIER_THRESHOLD else None


def severity(score: float) -> str:
    """low, medium, high or critical, by how far an outlier's score is over the threshold."""
    return next((name for least, name in _SEVERITIES if abs(score) > least), "low")


def trend(values: Sequence[float]) -> Pattern | None:
    """The test of Mann (1945) and Kendall (1975) for a steady rise or fall, with Sen's slope (1968)."""
    sample = levelled(values[-TREND_WINDOW:])
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
    return Pattern("trend", direction(rises), confidence(abs(rises) - 1, variance), slope, size)


def level_shift(values: Sequence[float]) -> Pattern | None:
    """The rank test of Mann and Whitney (1947): whether the later half differs in level from the earlier half.

    A steady trend changes the level too, so one series may have both patterns.
    """
    sample = levelled(values[-SHIFT_WINDOW:])
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
    return Pattern("level_shift", direction(wins), confidence(abs(wins) - 0.5, variance), step, size)


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def _tied(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)


CHANGES = (trend, level_shift, control.drift)
PATTERNS = (*CHANGES, season.season)


def patterns(values: Sequence[float], period: int | None = None) -> Iterator[Pattern]:
    """The patterns in the last values. In a series with a season, changes are looked for in the residual."""
    recent = values[-LONGEST_WINDOW:]
    held = period if period is not None and len(recent) >= season.CYCLES * period else None
    residuals = season.without(recent, held) if held is not None else recent
    yield from (found._replace(period=held) for change in CHANGES if (found := change(residuals)) is not None)
    if (repeating := season.season(recent)) is not None:
        yield repeating
