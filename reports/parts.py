"""The parts that the jobs of a build left behind: one verdict for each kind of log, or what is in its way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bodhisattva.reports import merge, run
from bodhisattva.reports.build import Summary, build
from bodhisattva.reports.errors import ReportError

LOGS = ("embedded", "redis")


@dataclass(frozen=True)
class Joined:
    """The summaries of the kinds of log that could be merged, and a line for each reason why there is no whole."""

    summaries: list[Summary]
    problems: list[str]


def join(parts: Sequence[Path], into: Path, logs: Sequence[str] = LOGS) -> Joined:
    """Merge the parts of each kind of log into a folder of its name; folders without a run are passed over."""
    runs = {part: run.read(part) for part in parts if (part / run.RUN_FILE).exists()}
    summaries: list[Summary] = []
    problems: list[str] = []
    for log in logs:
        here = {part: one for part, one in runs.items() if one.plan.stack.log == log}
        try:
            if here:
                merge.merge(list(here), into / log)
                summaries.append(build(into / log))
        except ReportError as error:
            problems.append(f"log {log}: {error}")
        else:
            problems += _missing(log, list(here.values()))
    return Joined(summaries, problems)


def _missing(log: str, parts: list[run.Run]) -> Iterator[str]:
    """Categories of the catalogue of which no part judged a clause."""
    if not parts:
        yield f"log {log}: no part is there"
        return
    judged = {result.clause for part in parts for result in part.results if result.reason != run.NOT_RUN}
    categories = {clause.category: False for clause in parts[0].plan.catalogue}
    for clause in parts[0].plan.catalogue:
        categories[clause.category] |= clause.id in judged
    if lacking := [category for category, found in categories.items() if not found]:
        yield f"log {log}: no part judged {', '.join(lacking)}"
