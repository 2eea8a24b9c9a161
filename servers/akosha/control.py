"""A chart that notices small lasting changes, which no single value gives away."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from bodhisattva.servers.akosha.findings import Pattern, confidence, direction, negligible

WEIGHT = 0.2  # λ; 0.05 to 0.25 is the usual range (Lucas and Saccucci, 1990)
REFERENCE = 60
RECENT = 20
LIMIT = 3.5  # standard deviations that a value counts for at most: a single one is an outlier, and no drift
# The mean difference of two normal values is so many standard deviations.
_MOVING_RANGE = 1.128


def drift(values: Sequence[float]) -> Pattern | None:
    """The exponentially weighted moving average of Roberts (1959) over the last values, against those before.

    Mean and standard deviation are those of the reference, the latter by its mean moving range. confidence: that of
    the average's distance from the mean; the chart's limits stand at the one that is reported, at 0.999 3.3 deviations.
    Values beyond LIMIT count as if they were there (Huber, 1964). Where nothing moved before, nothing can be said.
    """
    sample = values[-REFERENCE - RECENT :]
    if len(sample) < REFERENCE + RECENT:
        return None
    reference, recent = sample[:REFERENCE], sample[REFERENCE:]
    mean = fmean(reference)
    deviation = fmean(abs(later - earlier) for earlier, later in pairwise(reference)) / _MOVING_RANGE
    distance, limit = 0.0, LIMIT * deviation
    for value in recent:
        distance = WEIGHT * min(max(value - mean, -limit), limit) + (1 - WEIGHT) * distance
    if abs(distance) <= negligible(sample):
        return None
    share = WEIGHT / (2 - WEIGHT) * (1 - (1 - WEIGHT) ** (2 * RECENT))
    sure = confidence(abs(distance) / deviation, share)
    return Pattern("drift", direction(distance), sure, distance, len(sample))
