"""Downsampling for charts: few values that draw the same line as many."""

from collections.abc import Sequence
from statistics import fmean


def chosen(values: Sequence[float], count: int) -> list[int]:
    """The indexes of `count` values (at least 3), or of all, by Largest-Triangle-Three-Buckets (Steinarsson, 2013).

    The first and the last are kept. Each bucket between them gives the value with the largest triangle, which it makes
    with the value chosen before and the mean of the next bucket.
    """
    size = len(values)
    if size <= count:
        return list(range(size))
    edges = [1 + (size - 2) * number // (count - 2) for number in range(count - 1)] + [size]
    places = [0]
    for begin, end, beyond in zip(edges, edges[1:], edges[2:], strict=False):
        places.append(_largest(values, places[-1], range(begin, end), range(end, beyond)))
    return [*places, size - 1]


def _largest(values: Sequence[float], last: int, bucket: range, following: range) -> int:
    run = fmean(following) - last
    rise = fmean(values[place] for place in following) - values[last]
    return max(bucket, key=lambda place: abs(run * (values[place] - values[last]) - rise * (place - last)))
