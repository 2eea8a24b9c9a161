"""A control chart: it detects small lasting changes that no single value shows."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from bodhisattva.servers.akosha.findings import Pattern, confidence, direction, negligible

WEIGHT = 0.2  # λ; usually 0.05 to 0.25 (Lucas and Saccucci, 1990)
REFERENCE = 60
RECENT = 20
LIMIT = 3.5  # standard deviations at which a value is cut: a single outlier is no drift
# The mean difference of two normal values, in standard deviations.
_MOVING_RANGE = 1.128


def drift(values: Sequence[float]) -> Pattern | None:
    """Compare the exponentially weighted moving average (Roberts, 1959) of the recent values with the reference before.

    Mean and standard deviation are the reference's; the deviation is estimated by the mean moving range.
    confidence: of the average's distance from the mean; 0.999 is 3.3 deviations.
    Values beyond LIMIT are cut to it (Huber, 1964). None if the reference does not vary.
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
    certainty = confidence(abs(distance) / deviation, share)
    return Pattern("drift", direction(distance), certainty, distance, len(sample))
