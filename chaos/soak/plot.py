"""A soak as a picture: what the service held over time, with the crowds shaded."""

import io
from itertools import groupby
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bodhisattva.chaos.soak.gauges import COUNTS, MEMORY
from bodhisattva.chaos.soak.record import FIRST_CROWD, SECOND_CROWD, Course

_CROWD = "#f5a524"
STYLE: Any = {"svg.fonttype": "none", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def picture(course: Course) -> str:
    """The picture as SVG text."""
    at = [sample.at for sample in course.samples]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 5.6), layout="constrained")
        memory, counts = figure.subplots(2, 1, sharex=True)
        title = f"{course.service}, {course.connections} connections, {sum(course.visits.values()):,} visits"
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        memory.plot(at, [sample.values[MEMORY] / 1e6 for sample in course.samples], color="#3457d5")
        memory.set_ylabel("memory, MB")
        for metric, name in COUNTS.items():
            counts.plot(at, [sample.values[metric] for sample in course.samples], label=name)
        counts.set_yscale("symlog", linthresh=1)
        counts.set_ylabel("count")
        counts.set_xlabel("seconds since the service was ready")
        counts.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        for axes in (memory, counts):
            _shade(axes, course)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg")
    return buffer.getvalue()


def _shade(axes: Axes, course: Course) -> None:
    for phase, samples in groupby(course.samples, lambda sample: sample.phase):
        if phase in {FIRST_CROWD, SECOND_CROWD}:
            times = [sample.at for sample in samples]
            axes.axvspan(times[0], times[-1], color=_CROWD, alpha=0.12, linewidth=0)
