"""Seasons: the period of a series in values, and the residuals without it."""

from collections.abc import Sequence
from math import erfc, sqrt
from operator import mul
from statistics import linear_regression, median

from bodhisattva.servers.akosha.findings import Pattern, levelled, negligible

WINDOW = 120
MINIMUM = 24
CYCLES = 4  # a season is found only if it repeats so many times


def season(values: Sequence[float]) -> Pattern | None:
    """The period at which the autocorrelation of the detrended series is highest (Box and Jenkins, 1970).

    Only peaks after a lag without correlation count, since a random walk has its highest peaks at the shortest lags.
    Multiples of a period peak too. Of the peaks within a standard error of the highest, the shortest counts.
    The test is Bartlett's (1946): without a season a correlation is about normal with variance 1/n. The probability
    is multiplied by the number of lags tried.
    """
    sample = values[-WINDOW:]
    size = len(sample)
    if size < MINIMUM:
        return None
    longest = size // CYCLES
    detrended = _detrended(sample)
    largest = max(map(abs, detrended))
    if largest <= negligible(sample):
        return None
    # Scaled, so that no square underflows.
    correlations = _autocorrelations([each / largest for each in detrended], longest + 1)
    begin = next((lag for lag, each in enumerate(correlations) if each <= 0), longest)
    peaks = [
        lag
        for lag in range(max(begin + 1, 2), longest + 1)
        if correlations[lag - 1] < correlations[lag] >= correlations[lag + 1]
    ]
    if not peaks:
        return None
    period = _fundamental(peaks, correlations, 1 / sqrt(size))
    confidence = max(0.0, 1 - longest * erfc(correlations[period] * sqrt(size / 2)) / 2)
    levels = _levels(sample, period)
    return Pattern("season", None, confidence, (max(levels) - min(levels)) / 2, size, period)


def _fundamental(peaks: Sequence[int], correlations: Sequence[float], error: float) -> int:
    """The shortest peak that divides the highest one and is at most a standard error lower."""
    highest = max(peaks, key=correlations.__getitem__)
    near = correlations[highest] - error
    return next(lag for lag in peaks if highest % lag == 0 and correlations[lag] >= near)


def usual(values: Sequence[float], period: int) -> list[float]:
    """For each value, the median of the values in the same phase of the season.

    To subtract it, and to judge the residuals robustly, is
    the method of S-H-ESD (Hochenbaum, Vallis and Kejariwal, 2017).
    """
    levels = _levels(values, period)
    return [levels[place % period] for place in range(len(values))]


def without(values: Sequence[float], period: int) -> list[float]:
    """The residuals of the values without their season and without rounding errors."""
    residuals = [value - level for value, level in zip(values, usual(values, period), strict=True)]
    return levelled(residuals, negligible(values))


def _levels(values: Sequence[float], period: int) -> list[float]:
    return [median(values[phase::period]) for phase in range(period)]


def _detrended(values: Sequence[float]) -> list[float]:
    slope, intercept = linear_regression(range(len(values)), values)
    return [value - intercept - slope * place for place, value in enumerate(values)]


def _autocorrelations(values: Sequence[float], longest: int) -> list[float]:
    """From lag 0 on."""
    power = sum(value * value for value in values)
    return [sum(map(mul, values, values[lag:])) / power for lag in range(longest + 1)]
