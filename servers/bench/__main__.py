"""The command: rounds in which every subject has every load, and the medians beside the peer's."""

import asyncio
import os
import platform
import statistics
import sys
import tempfile
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import click

from bodhisattva.servers.bench import loads
from bodhisattva.servers.bench.loads import Measure
from bodhisattva.servers.bench.subjects import PEER, SUBJECTS, running

Rounds = dict[str, list[Measure]]
_HEAD = f"{'':16}{'per second':>12}{'ratio':>8}{'server CPU':>14}{'ratio':>8}"


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="The medians are of so many.")
@click.option("--clients", type=click.IntRange(1), default=50, show_default=True, help="That send commands.")
@click.option("--commands", type=click.IntRange(1), default=200, show_default=True, help="Of each client.")
@click.option("--receivers", type=click.IntRange(1), default=100, show_default=True, help="Of each event.")
@click.option("--events", type=click.IntRange(1), default=400, show_default=True, help="To all receivers.")
@click.option("--folder", type=click.Path(path_type=Path, exists=True), default=".", help="Where logs are written.")
def main(rounds: int, clients: int, commands: int, receivers: int, events: int, folder: Path) -> None:
    """Measure a service beside a bare aiohttp server, in turn, on this machine."""
    click.echo(f"{_machine()}\n{rounds} rounds, medians; a ratio is to {PEER} in the same round")
    by_command, by_event = asyncio.run(_measure(rounds, (clients, commands), (receivers, events), folder))
    show(f"commands: {clients} clients, each {commands} one after the other", by_command)
    show(f"fan-out: {events} events to each of {receivers} receivers", by_event)


async def _measure(
    rounds: int, commands: tuple[int, int], fan_out: tuple[int, int], folder: Path
) -> tuple[Rounds, Rounds]:
    by_command: Rounds = defaultdict(list)
    by_event: Rounds = defaultdict(list)
    for number in range(1, rounds + 1):
        for name in SUBJECTS:
            click.echo(f"round {number} of {rounds}: {name}", err=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix="bench-") as state:
                async with running(name, Path(state)) as server:
                    by_command[name].append(await loads.commands(server, *commands))
                    by_event[name].append(await loads.fan_out(server, *fan_out))
    return by_command, by_event


def show(title: str, rounds: Rounds) -> None:
    """Print the medians of a load, each subject beside the peer."""
    click.echo(f"\n{title}\n{_HEAD}")
    for name, own in rounds.items():
        rate = statistics.median(measure.rate for measure in own)
        faster = statistics.median(mine.rate / peer.rate for mine, peer in zip(own, rounds[PEER], strict=True))
        click.echo(f"{name:16}{rate:>12,.0f}{faster:>8.2f}{_cpu(own, rounds[PEER])}")


def _cpu(own: list[Measure], peers: list[Measure]) -> str:
    """Two columns; dashes where a round had too little work to measure."""
    mine = [measure.cpu for measure in own if measure.cpu is not None]
    beside = [(one.cpu, other.cpu) for one, other in zip(own, peers, strict=True)]
    ratios = [one / other for one, other in beside if one is not None and other is not None]
    spent = f"{statistics.median(mine) * 1e6:.1f} µs" if len(mine) == len(own) else "-"
    dearer = f"{statistics.median(ratios):.2f}" if len(ratios) == len(own) else "-"
    return f"{spent:>14}{dearer:>8}"


def _machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, load {load:.1f} at the start; "
        f"Python {platform.python_version()}, aiohttp {version('aiohttp')}"
    )


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main())
