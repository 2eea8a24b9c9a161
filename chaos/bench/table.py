"""The result as the terminal shows it."""

from collections.abc import Iterator
from itertools import groupby

from bodhisattva.chaos.bench.plan import LOADS, Unit
from bodhisattva.chaos.bench.result import Judged, Result, Row, Spread

_SHOWN: dict[Unit, tuple[float, str]] = {"s": (1e6, "µs"), "B": (1e-3, "KB"), "1/s": (1, "/s")}
_WHAT = {
    "fan-out": "server CPU per delivery; net: without the cost of the event with no subscriber",
    "request": "server CPU per request",
    "durable": "durable commands a second, and server CPU per command",
    "durable, slow disk": f"the same, each flush {LOADS['durable, slow disk'].flush_delay * 1e3:g} ms slower",
    "memory": "resident memory per idle connection, and of the process without any",
}


def table(result: Result) -> str:
    """All loads, then the targets."""
    return "\n".join(_lines(result))


def _lines(result: Result) -> Iterator[str]:
    machine = result.machine
    yield (
        f"{machine.processor}, {machine.cores} cores, load {machine.load_average:.1f} at the start, "
        f"an fsync takes {machine.flush * 1e3:.2f} ms; {', '.join(map(' '.join, result.versions.items()))}"
    )
    yield f"{result.size.repetitions} repetitions: median (least to most); a ratio is within one repetition"
    for (load, figure), rows in groupby(result.rows, lambda row: (row.load, row.figure)):
        yield ""
        yield from _block(load, figure, list(rows))
    yield ""
    yield from map(_judged, result.targets)


def _block(load: str, figure: str, rows: list[Row]) -> Iterator[str]:
    if figure == next(iter(LOADS[load].figures)):
        yield f"{load} - {_WHAT[load]}"
    baselines = [baseline.name for baseline in LOADS[load].baselines]
    yield f"  {figure:26}" + f"{'':24}" + "".join(f"{'x ' + name:>16}" for name in baselines)
    for row in rows:
        ratios = (f"{row.ratios[name].median:.2f}" if name in row.ratios else "-" for name in baselines)
        yield f"    {row.subject:20}{_spread(row.value, row.unit):>28}" + "".join(f"{each:>16}" for each in ratios)


def _spread(spread: Spread, unit: Unit) -> str:
    median, least, most = (_number(value, unit) for value in (spread.median, spread.least, spread.most))
    return f"{median} {_SHOWN[unit][1]} ({least} - {most})"


def _number(value: float, unit: Unit) -> str:
    scaled = value * _SHOWN[unit][0]
    return f"{scaled:,.0f}" if abs(scaled) >= 1000 else f"{scaled:.2f}" if abs(scaled) < 10 else f"{scaled:.1f}"


def _judged(target: Judged) -> str:
    word = {True: "met", False: "NOT MET", None: "not measured"}[target.met]
    relation = "at least" if target.at_least else "at most"
    return f"  {word:14}{target.load}, {target.figure}: {_bound(target)} ({relation} {_limit(target)})"


def _bound(target: Judged) -> str:
    return "-" if target.measured is None else _amount(target.measured, target.baseline)


def _limit(target: Judged) -> str:
    return _amount(target.bound, target.baseline)


def _amount(value: float, baseline: str | None) -> str:
    return f"{value:.2f} x {baseline}" if baseline else f"{value / 1000:.1f} KB"
