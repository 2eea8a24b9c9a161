"""What is counted at each message, and given to Prometheus at each scrape.

The library's instruments look up labels and take a lock at each step, which would cost a good part of what the message
costs. Here the event loop counts for itself, and no other thread does.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally:
    """A counter by its last label. values: those of the labels before it."""

    def __init__(self, counter: Counter, values: tuple[str, ...]) -> None:
        self._counter = counter
        self._values = values
        self._counts: dict[str, int] = defaultdict(int)

    def add(self, label: str, count: int = 1) -> None:
        self._counts[label] += count

    def hand_over(self) -> None:
        for label, count in self._counts.items():
            self._counter.labels(*self._values, label).inc(count)
        self._counts.clear()


class Durations(Collector):
    """A histogram of seconds, with the library's buckets. labels: their names and values."""

    _BOUNDS = Histogram.DEFAULT_BUCKETS

    def __init__(self, name: str, text: str, labels: dict[str, str]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._counts = [0] * len(self._BOUNDS)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._BOUNDS, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._text, labels=list(self._labels))
        buckets = list(zip(map(floatToGoString, self._BOUNDS), accumulate(self._counts), strict=True))
        family.add_metric(list(self._labels.values()), buckets, self._sum)
        yield family
