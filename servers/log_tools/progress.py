"""Signs of life of long work, on stderr."""

from time import monotonic

import click

PAUSE = 2.0  # seconds between two lines; what is done sooner says nothing


class Progress:
    """`work` is what goes on: "verify", "events"; `told` is to be called as often as it likes."""

    def __init__(self, work: str, unit: str) -> None:
        self._work = work
        self._unit = unit
        self._last = monotonic()

    def told(self, done: int, total: int | None = None) -> None:
        now = monotonic()
        if now - self._last < PAUSE:
            return
        self._last = now
        of = f" of {total}" if total is not None else ""
        click.echo(f"{self._work}: {done}{of} {self._unit}", err=True)
