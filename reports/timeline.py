"""A chaos run as a picture: throughput and latency over time, with the faults as shaded, named spans.

The same history gives the same bytes.
"""

import io
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from bodhisattva.reports.history import Completed, Fault, Operation, completed, deliveries, faults, gauges

SHORTEST_BIN = 0.25
BINS = 80
PERCENTILES = ((50, "p50", "o", "#3457d5"), (95, "p95", "s", "#b25e00"), (100, "max", "^", "#c11a26"))
FAULT_COLOURS = ("#e5484d", "#f5a524", "#8e4ec6", "#0091ff", "#30a46c", "#b5651d")
STYLE: Any = {
    "svg.hashsalt": "bodhisattva",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}
NO_DATE_NO_VERSION = {"Date": None, "Creator": None}


def timeline(history: list[Operation], title: str) -> str:
    """The picture as SVG text."""
    end = max((operation.time for operation in history), default=1.0) or 1.0
    spans = faults(history)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 5.6), layout="constrained")
        samples = gauges(history)
        ratios = [_lanes(spans) * 0.35 + 0.3, 3, 3, *([3, 3] if samples else [])]
        names, throughput, latency, *further = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        _draw_names(names, spans)
        _draw_throughput(throughput, history, end)
        _draw_latency(latency, completed(history), end)
        for axes in (throughput, latency):
            _shade(axes, spans)
        if samples:
            memory, counts = further
            _draw_gauges(memory, counts, samples)
        latency.set_xlim(0, end)
        (further or [latency])[-1].set_xlabel("seconds since the run began")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=NO_DATE_NO_VERSION)
    return buffer.getvalue()


def _lanes(spans: list[Fault]) -> int:
    return max(1, len({span.name for span in spans}))


def _colours(spans: list[Fault]) -> dict[str, str]:
    names = sorted({span.name for span in spans})
    return {name: FAULT_COLOURS[index % len(FAULT_COLOURS)] for index, name in enumerate(names)}


def _draw_names(axes: Axes, spans: list[Fault]) -> None:
    """One lane for each kind of fault."""
    colours = _colours(spans)
    for lane, (name, colour) in enumerate(colours.items()):
        own = [span for span in spans if span.name == name]
        axes.broken_barh(
            [(s.start, max(s.end - s.start, 0.02)) for s in own],
            (lane - 0.38, 0.76),
            color=colour,
            alpha=0.45,
            lw=0,
        )
        for span in own:
            text = span.target if span.healed else f"{span.target} not healed".strip()
            axes.text(span.start, lane, f" {text}", va="center", fontsize=7.5, clip_on=True)
    axes.set_yticks(range(len(colours)), list(colours))
    axes.set_ylim(max(len(colours), 1) - 0.5, -0.5)
    axes.grid(visible=False)
    axes.tick_params(length=0, labelbottom=False)
    axes.set_ylabel("faults")


def _draw_throughput(axes: Axes, history: list[Operation], end: float) -> None:
    done = completed(history)
    _rate(axes, (c.end for c in done if c.certain), end, "operations answered", "#3457d5")
    _rate(axes, deliveries(history), end, "events delivered", "#1a7f37")
    _rate(axes, (c.end for c in done if not c.certain), end, "failed or unknown", "#c11a26")
    axes.set_ylabel("per second")
    axes.set_ylim(bottom=0)
    _legend(axes)


def _rate(axes: Axes, times: Iterable[float], end: float, label: str, colour: str) -> None:
    counts, edges = np.histogram(list(times), bins=_edges(end))
    axes.stairs(counts / (edges[1] - edges[0]), edges, label=label, color=colour, linewidth=1.4)


def _draw_latency(axes: Axes, done: list[Completed], end: float) -> None:
    """Half, 95 % and all of the answered operations of each bin were at least as fast as its points."""
    edges = _edges(end)
    bins: defaultdict[int, list[float]] = defaultdict(list)
    for operation in done:
        if operation.certain:
            bins[int(np.searchsorted(edges, operation.end, side="right"))].append(operation.latency * 1000)
    middles = [(edges[index - 1] + edges[min(index, len(edges) - 1)]) / 2 for index in sorted(bins)]
    for percentile, label, marker, colour in PERCENTILES:
        points = [np.percentile(bins[index], percentile) for index in sorted(bins)]
        axes.plot(middles, points, marker, label=label, color=colour, markersize=3.5, alpha=0.85)
    if bins:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(ScalarFormatter())
        _legend(axes)
    axes.set_ylabel("latency, ms")


def _draw_gauges(memory: Axes, counts: Axes, samples: list[tuple[float, dict[str, float]]]) -> None:
    """Bytes in one panel, counts in the other."""
    times = [time for time, _ in samples]
    for metric in sorted(samples[0][1]):
        values = [sample.get(metric, np.nan) for _, sample in samples]
        if metric.endswith("_bytes"):
            memory.plot(times, [value / 1e6 for value in values])
        else:
            counts.plot(times, values, label=metric)
    memory.set_ylabel("memory, MB")
    counts.set_yscale("symlog", linthresh=1)
    counts.set_ylabel("count")
    counts.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=7)


def _legend(axes: Axes) -> None:
    """Above the panel, where it hides no point."""
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.97), ncols=3, frameon=False, fontsize=8, borderpad=0)


def _edges(end: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    count = max(1, int(np.ceil(end / max(SHORTEST_BIN, end / BINS))))
    return np.linspace(0, end, count + 1)


def _shade(axes: Axes, spans: list[Fault]) -> None:
    colours = _colours(spans)
    for span in spans:
        axes.axvspan(span.start, span.end, color=colours[span.name], alpha=0.12, linewidth=0)
