"""Builds every report that a folder of results allows; the work behind `bodhisattva report`."""

from dataclasses import dataclass
from pathlib import Path

from bodhisattva.reports import chaos, chaos_allure, conformance, originals, run, verdicts
from bodhisattva.reports.badge import badge
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.gate import gate
from bodhisattva.reports.markdown import MARKDOWN_FILE, markdown
from bodhisattva.reports.matrix import MATRIX_FILE, matrix
from bodhisattva.reports.report import CONFORMANCE_FILE, encode
from bodhisattva.reports.summary import summary
from bodhisattva.reports.verdicts import Verdict

BADGE_FILE = "badge.svg"
REPORTS = (CONFORMANCE_FILE, MATRIX_FILE, BADGE_FILE, MARKDOWN_FILE)
CONFORMANCE_FOLDER = "conformance"
CHAOS_FOLDER = "chaos"
CHAOS_EXIT_CODES: dict[Verdict, int] = {"valid": 0, "invalid": 1, "unknown": 3}


@dataclass(frozen=True)
class Summary:
    """What to print, and the exit code: 0 success, 1 failed, 3 partial, empty or unknown."""

    lines: list[str]
    exit_code: int


def build(out: Path) -> Summary:
    """Build the reports of `out`: of a conformance run, of chaos experiments, or of both in folders of it.

    Raises ReportError where there is nothing to report on or it cannot be read; no older report is left then.
    """
    if not out.is_dir():
        raise ReportError(f"no such folder: {out}; give the folder that a run wrote, such as out/conformance")
    parts = [
        _build_one(folder) for folder in (out, out / CONFORMANCE_FOLDER, out / CHAOS_FOLDER) if _has_results(folder)
    ]
    if not parts:
        raise ReportError(f"nothing to report on in {out}: neither {run.RUN_FILE} nor an experiment's verdict.json")
    return Summary([line for part in parts for line in part.lines], worst([part.exit_code for part in parts]))


def _has_results(folder: Path) -> bool:
    return _has_run(folder) or bool(verdicts.folders(folder))


def _has_run(folder: Path) -> bool:
    return (folder / run.RUN_FILE).exists() or (folder / run.RESULTS_FILE).exists()


def _build_one(folder: Path) -> Summary:
    return build_run(folder) if _has_run(folder) else _chaos(folder)


def build_run(folder: Path) -> Summary:
    """Build the report on the conformance run in `folder`, and on nothing besides it. Raises ReportError."""
    remove(folder, *REPORTS)
    results = run.read(folder)
    report = conformance.judge(results)
    page = folder / MATRIX_FILE
    page.write_text(matrix(results), encoding="utf-8")
    (folder / BADGE_FILE).write_text(badge(report), encoding="utf-8")
    (folder / MARKDOWN_FILE).write_text(markdown(report), encoding="utf-8")
    (folder / CONFORMANCE_FILE).write_bytes(encode(report))
    if (folder / originals.ORIGINALS_FILE).exists():
        originals.build(folder)
    return Summary(summary(report, page), gate(folder))


def _chaos(folder: Path) -> Summary:
    remove(folder, chaos.CHAOS_FILE)
    experiments = chaos.read_all(folder)
    for place, experiment in experiments.items():
        chaos.draw(place, experiment)
    page = folder / chaos.CHAOS_FILE
    page.write_text(chaos.index(experiments), encoding="utf-8")
    chaos_allure.write(folder, experiments)
    worst = chaos.overall(list(experiments.values()))
    many = "" if len(experiments) == 1 else "s"
    lines = [f"{worst.upper()}: {len(experiments)} chaos experiment{many}"]
    lines += [f"  {e.believed:<7}  {e.experiment}, seed {e.seed}, {e.where}" for e in experiments.values()]
    return Summary([*lines, f"report: {page}"], CHAOS_EXIT_CODES[worst])


def worst(codes: list[int]) -> int:
    """Failed before partial before success."""
    return 1 if 1 in codes else max(codes)


def remove(folder: Path, *names: str) -> None:
    """A report that cannot be rebuilt must not go on speaking for an older run."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
