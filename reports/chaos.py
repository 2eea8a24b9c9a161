"""The index of the chaos experiments: one HTML page with every verdict, its evidence and its timeline."""

import base64
from pathlib import Path

from bodhisattva.reports import history, verdicts
from bodhisattva.reports.templates import render
from bodhisattva.reports.timeline import timeline
from bodhisattva.reports.verdicts import HISTORY_FILE, VERDICTS, Experiment, Verdict

CHAOS_FILE = "chaos.html"
TIMELINE_FILE = "timeline.svg"
GLYPHS = {"valid": "✓", "invalid": "✗", "unknown": "?"}
MEANINGS = {
    "valid": "the faults bit and every checker was content",
    "invalid": "a checker found a promise broken",
    "unknown": "the run does not show it either way",
}
WORST_FIRST: tuple[Verdict, ...] = ("invalid", "unknown", "valid")


def draw(folder: Path, experiment: Experiment) -> Path | None:
    """Draw the timeline beside the verdict; None where no history was kept."""
    file = folder / HISTORY_FILE
    if not file.exists():
        return None
    picture = folder / TIMELINE_FILE
    picture.write_text(timeline(history.read(file), f"{experiment.experiment}, seed {experiment.seed}"))
    return picture


def index(experiments: dict[Path, Experiment]) -> str:
    """The page for the experiments, by their folders; timelines that were drawn are part of it."""
    ordered = sorted(experiments.items(), key=lambda item: WORST_FIRST.index(item[1].believed))
    return render(
        "chaos.html.j2",
        overall=overall(list(experiments.values())),
        counts={verdict: [e.believed for e in experiments.values()].count(verdict) for verdict in VERDICTS},
        experiments=[(folder.name, experiment, _inlined(folder / TIMELINE_FILE)) for folder, experiment in ordered],
        glyphs=GLYPHS,
        meanings=MEANINGS,
    )


def overall(experiments: list[Experiment]) -> Verdict:
    """The worst of all; unknown if there is none."""
    worst: Verdict
    believed = {experiment.believed for experiment in experiments}
    for worst in WORST_FIRST:
        if worst in believed:
            return worst
    return "unknown"


def read_all(root: Path) -> dict[Path, Experiment]:
    """Every experiment under `root` by its folder. Raises ReportError."""
    return {folder: verdicts.read(folder) for folder in verdicts.folders(root)}


def _inlined(picture: Path) -> str | None:
    if not picture.exists():
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(picture.read_bytes()).decode()
