"""What a series of numbers gives away, by published tests that outliers and odd distributions do not mislead.

Every detector looks at the last values of a series, in order of arrival, and says nothing when they are too few.
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
FLAT = 1e-4  # the least standard deviation of a series in which nothing moves, as a share of its values

TREND_WINDOW = 50
TREND_MINIMUM = 10

SHIFT_WINDOW = 40
SHIFT_MINIMUM = 20

LONGEST_WINDOW = max(OUTLIER_WINDOW, TREND_WINDOW, SHIFT_WINDOW, control.REFERENCE + control.RECENT, season.WINDOW)

_SEVERITIES = ((12.0, "critical"), (8.0, "high"), (5.0, "medium"))


def outlier(values: Sequence[float], period: int | None = None) -> Outlier | None:
    """Judge the last value by the modified z-score of Iglewicz and Hoaglin (1993), which is over 3.5 for outliers.

    Where more than half the values are equal the median deviation is 0; they then take the mean deviation. That of one
    value among equal ones is proportional to it, so that its score would be the same whatever its size: there the
    spread is FLAT at least. In a series with a season, what is left without it is judged.
    """
    seasonal = period is not None and len(values) >= season.CYCLES * period
    sample = values[-max(OUTLIER_WINDOW, season.CYCLES * period if seasonal and period else 0) :]
    if len(sample) < OUTLIER_MINIMUM:
        return None
    levels = season.usual(sample, period) if seasonal and period else [0.0] * len(sample)
    rest = [value - level for value, level in zip(sample, levels, strict=True)]
    center = median(rest)
    value, expected, off = sample[-1], levels[-1] + center, rest[-1] - center
    deviations = [abs(each - center) for each in rest]
    mad = median(deviations)
    if 0.6745 * abs(off) <= OUTLIER_THRESHOLD * mad:
        return None
    mean_ad, usual = fmean(deviations), max(median(map(abs, sample)), abs(expected))
    nothing, floor = negligible([usual]), FLAT * max(abs(value), usual)
    if abs(off) <= nothing:
        return None
    scored: tuple[float, SpreadType, float]
    if mad > nothing:
        scored = (mad, "mad", 0.6745 * off / mad)
    elif 1.253314 * mean_ad > floor:
        scored = (mean_ad, "mean_ad", off / (1.253314 * mean_ad))
    else:
        scored = (floor, "floor", off / floor)
    spread, kind, score = scored
    found = Outlier(value, expected, spread, kind, score, len(sample), period if seasonal else None)
    return found if abs(found.score) > OUTLIER_THRESHOLD else None


def severity(score: float) -> str:
    """low, medium, high or critical, by how far over the threshold an outlier's score is."""
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
    """The rank test of Mann and Whitney (1947): did the later half leave the level of the earlier one?

    A steady trend moves the level too, so both may be found in one series.
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
    """What the last values show. In a series with a season, changes are those of what is left without it."""
    recent = values[-LONGEST_WINDOW:]
    held = period if period is not None and len(recent) >= season.CYCLES * period else None
    rest = season.without(recent, held) if held is not None else recent
    yield from (found._replace(period=held) for change in CHANGES if (found := change(rest)) is not None)
    if (repeating := season.season(recent)) is not None:
        yield repeating
