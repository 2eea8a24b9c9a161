"""The command: every subject at every load, in turns, a table, and a JSON document of all of it."""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from bodhisattva.chaos.bench import machine, processes, slow_disk
from bodhisattva.chaos.bench.connection import LoadError
from bodhisattva.chaos.bench.plan import LOADS, SUBJECTS
from bodhisattva.chaos.bench.result import RESULT_FILE, Result, Run, judged, rows
from bodhisattva.chaos.bench.sizes import PARTS, QUICK, Size
from bodhisattva.chaos.bench.subjects import Subject
from bodhisattva.chaos.bench.table import table
from bodhisattva.chaos.command import BAD_INPUT, OneLineCommand

INTERRUPTED = 130
_SPARE_DESCRIPTORS = 200
_FLUSHES = 50
PlannedRun = tuple[str, int, Subject]


def _sizes(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each part of a size; one that is not given is None."""
    for field in reversed(msgspec.structs.fields(Size)):
        kind = click.IntRange(1) if field.type is int else click.FloatRange(0, min_open=True)
        text = f"{PARTS[field.name]} [{field.default}]"
        command = click.option(f"--{field.name}", type=kind, help=text)(command)
    return command


class _Bench(OneLineCommand):
    prefix = "bench"


@click.command(cls=_Bench)
@click.option("--quick", is_flag=True, help="Less of everything: a minute, to try it.")
@_sizes
@click.option("--load", "loads", multiple=True, type=click.Choice(list(LOADS)), help="Only this; may be repeated.")
@click.option("--subject", "subjects", multiple=True, type=click.Choice(list(SUBJECTS)), help="Only this; likewise.")
@click.option("--without", multiple=True, type=click.Choice(list(SUBJECTS)), help="All but this; likewise.")
@click.option("--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), help="On the disk to keep on.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="out/bench", show_default=True)
@click.option("--gate", is_flag=True, help="Exit code 1 if a target is not met, or was not measured.")
def main(
    *,
    quick: bool,
    loads: tuple[str, ...],
    subjects: tuple[str, ...],
    without: tuple[str, ...],
    folder: Path | None,
    out: Path,
    gate: bool,
    **sizes: int | None,
) -> None:
    """Measure a service beside baselines, in turns, on this machine; only the ratios can be carried elsewhere.

    Exit code: 0 measured, 1 a response or an event is missing (or, with --gate, a target is not met), 2 bad input or a
    missing baseline.
    """
    # Ended by SIGTERM, as by a job's time limit, it takes its servers down as it does for Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    size = msgspec.structs.replace(QUICK if quick else Size(), **_given(sizes))
    planned = _plan(loads or _possible(), set(subjects or SUBJECTS) - set(without), size.repetitions)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _refuse(f"--out {out}: {error.strerror}; name a folder that can be written")
    try:
        processes.allow_descriptors(max(size.connections, size.receivers) + _SPARE_DESCRIPTORS)
        result = _measure(planned, size, folder or out)
    except LoadError as lost:
        raise click.ClickException(str(lost)) from None
    except KeyboardInterrupt:
        click.echo("bench: interrupted; its servers are taken down, and nothing is measured", err=True)
        sys.exit(INTERRUPTED)
    click.echo(table(result))
    file = out / RESULT_FILE
    try:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    except OSError as error:
        _refuse(f"{file}: {error.strerror}; what was measured stands above")
    click.echo(f"\n{file}")
    if gate and not all(target.met for target in result.targets):
        sys.exit(1)


def _possible() -> tuple[str, ...]:
    """All loads that this machine can run; the others are reported."""
    lacking = slow_disk.missing()
    if lacking:
        click.echo(f"bench: no load with a slow disk: {lacking}", err=True)
    return tuple(name for name, load in LOADS.items() if not (lacking and load.flush_delay))


def _given(sizes: dict[str, int | None]) -> dict[str, Any]:
    return {name: value for name, value in sizes.items() if value is not None}


def _plan(loads: Sequence[str], subjects: set[str], repetitions: int) -> list[PlannedRun]:
    """Load by load, round by round, one subject after the other."""
    chosen = {name: [subject for subject in LOADS[name].subjects if subject.name in subjects] for name in loads}
    if any(LOADS[name].flush_delay for name in loads) and (lacking := slow_disk.missing()):
        _refuse(f"a slow disk cannot be had: {lacking}")
    if not any(chosen.values()):
        _refuse("nothing is left to be measured: none of the subjects has one of the loads")
    for subject in {subject for own in chosen.values() for subject in own}:
        if subject.missing:
            _refuse(
                f"{subject.name}: {subject.missing[0]} is not installed here; "
                f"`nox -s bench` has it, `--without {subject.name}` does without"
            )
    return [
        (name, repetition, subject)
        for name, own in chosen.items()
        for repetition in range(1, repetitions + 1)
        for subject in own
    ]


def _refuse(reason: str) -> NoReturn:
    click.echo(f"bench: {reason}", err=True)
    sys.exit(BAD_INPUT)


def _measure(planned: Sequence[PlannedRun], size: Size, folder: Path) -> Result:
    started, begun = datetime.now(UTC), time.monotonic()
    try:
        where = machine.machine(_flush(folder))
    except OSError as error:
        _refuse(f"{folder}: {error.strerror}; name another --out or --folder")
    runs = [_run(number, planned, size, folder) for number in range(len(planned))]
    found = rows(runs)
    return Result(
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 1),
        command=sys.argv,
        machine=where,
        versions=machine.versions(),
        size=size,
        runs=runs,
        rows=found,
        targets=judged(found),
    )


def _run(number: int, planned: Sequence[PlannedRun], size: Size, folder: Path) -> Run:
    name, repetition, subject = planned[number]
    position = f"{number + 1}/{len(planned)} {name}, {repetition} of {size.repetitions}: {subject.name}"
    average = machine.load_average()
    click.echo(position, err=True)
    try:
        with subject.running(folder, LOADS[name].flush_delay) as server:
            measures = LOADS[name].measure(server, size)
    except (LoadError, OSError) as failure:
        raise LoadError(f"{position}: {failure}") from failure
    return Run(load=name, subject=subject.name, repetition=repetition, load_average=average, measures=measures)


def _flush(folder: Path) -> float:
    """Seconds that the disk takes to keep a short line, in the mean."""
    file = folder / "flush"
    number = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    begun = time.perf_counter()
    for _ in range(_FLUSHES):
        os.write(number, b"x" * 500)
        os.fsync(number)
    taken = (time.perf_counter() - begun) / _FLUSHES
    os.close(number)
    file.unlink()
    return taken


if __name__ == "__main__":
    main(prog_name="python -m bodhisattva.chaos.bench")
