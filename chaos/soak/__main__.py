"""The command: a soak, its record, its picture and its verdict."""

import asyncio
import resource
import statistics
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from bodhisattva.chaos.cli import EXIT_CODES, begin, make
from bodhisattva.chaos.command import BadInput, OneLineCommand
from bodhisattva.chaos.soak import gauges, judge
from bodhisattva.chaos.soak.course import soak
from bodhisattva.chaos.soak.pace import Pace
from bodhisattva.chaos.soak.plot import picture
from bodhisattva.chaos.soak.record import (
    EMPTY,
    FIRST_CROWD,
    FIRST_REST,
    PICTURE_FILE,
    RECORD_FILE,
    SECOND_CROWD,
    SECOND_REST,
    Course,
    Soak,
)
from bodhisattva.fixtures.clock import TimedOut
from bodhisattva.fixtures.stack.controls import StackError
from bodhisattva.fixtures.stack.process import LAUNCHER
from bodhisattva.fixtures.supervision import INTERRUPTED

_SHOWN = (EMPTY, FIRST_CROWD, FIRST_REST, SECOND_CROWD, SECOND_REST)
_SPARE_DESCRIPTORS = 500


@click.command(cls=OneLineCommand)
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True, help="Of crowd.")
@click.option("--connections", type=click.IntRange(1), default=500, show_default=True, help="At all times.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed brings the same guests.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="out/soak", show_default=True)
@click.option("--tls", is_flag=True, help="Over TLS, whose buffers take a hundred times what a plain connection does.")
@click.option("--launcher", hidden=True, help="What stands before `serve SERVICE`, for servers broken on purpose.")
def main(minutes: float, connections: int, seed: int, out: Path, launcher: str | None, *, tls: bool) -> None:
    """Let a crowd come and go at one real service, and see that nothing of it stays.

    Exit code: 0 nothing grew, 1 something did, 2 bad input, 3 the service was not put to the test.
    """
    begin()
    _allow_descriptors(connections + _SPARE_DESCRIPTORS)
    make(out)
    for name in (RECORD_FILE, PICTURE_FILE):  # of an earlier run
        (out / name).unlink(missing_ok=True)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    command = launcher.split() if launcher else LAUNCHER
    with tempfile.TemporaryDirectory(prefix="bodhisattva-soak-", ignore_cleanup_errors=True) as folder:
        walk = soak(Path(folder), Pace.of(minutes * 60), connections, seed, _say, tls=tls, launcher=command)
        try:
            course = asyncio.run(walk)
        except (StackError, gauges.Missing) as error:
            raise BadInput(str(error)) from error
        except (OSError, EOFError, TimedOut) as error:
            raise click.ClickException(f"the service does not answer any more: {error}") from error
        except KeyboardInterrupt:
            click.echo("interrupted; the service is taken down, and nothing is judged", err=True)
            raise SystemExit(INTERRUPTED) from None
    verdict, findings = judge.judge(course)
    result = Soak(
        started=started,
        command=sys.argv,
        verdict=verdict,
        findings=findings,
        growth=judge.growth(course),
        course=course,
    )
    click.echo("\n".join(_lines(result)))
    try:
        (out / RECORD_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
        (out / PICTURE_FILE).write_text(picture(course), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}; what was found stands above") from error
    click.echo(f"{out / RECORD_FILE} {out / PICTURE_FILE}")
    sys.exit(EXIT_CODES[verdict])


def _say(line: str) -> None:
    click.echo(line, err=True)


def _lines(result: Soak) -> Iterator[str]:
    """The table: at rest what was held at last, in a crowd the median; then the verdict."""
    course = result.course
    yield f"{'':26}" + "".join(f"{phase:>15}" for phase in _SHOWN)
    for metric, name in gauges.NAMES.items():
        values = (_value(course, phase, metric) for phase in _SHOWN)
        yield f"{name:26}" + "".join(f"{_shown(metric, value):>15}" for value in values)
    endings = ", ".join(f"{count:,} {ending}" for ending, count in course.visits.items())
    yield f"{sum(course.visits.values()):,} visits: {endings}"
    yield from (f"hindered {count} times: {reason}" for reason, count in course.hindered.items())
    grown = f"{result.growth / judge.MEGABYTE:+.1f} MB from rest to rest (bound {judge.AT_REST / judge.MEGABYTE:+.0f})"
    yield f"{result.verdict.upper()}: memory {grown}"
    yield from (f"  {finding}" for finding in result.findings)


def _value(course: Course, phase: str, metric: str) -> float | None:
    if phase in course.rests:
        return course.rests[phase][metric]
    values = [sample.values[metric] for sample in course.samples if sample.phase == phase]
    return statistics.median(values) if values else None


def _shown(metric: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / judge.MEGABYTE:.1f} MB" if metric == gauges.MEMORY else f"{value:,.0f}"


def _allow_descriptors(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise BadInput(f"{count} open files are needed and {hard} are allowed (ulimit -Hn); use fewer --connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


if __name__ == "__main__":
    main(prog_name="python -m bodhisattva.chaos.soak")
