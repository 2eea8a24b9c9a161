"""Progress of long work, on stderr."""

from time import monotonic

import click

PAUSE = 2.0  # seconds between two lines; shorter work writes none


class Progress:
    """Writes a line now and then. work, unit: such as "verify" and "events"."""

    def __init__(self, work: str, unit: str) -> None:
        self._work = work
        self._unit = unit
        self._last = monotonic()

    def report(self, done: int, total: int | None = None) -> None:
        """Take how much is done; may be called as often as is convenient."""
        now = monotonic()
        if now - self._last < PAUSE:
            return
        self._last = now
        of = f" of {total}" if total is not None else ""
        click.echo(f"{self._work}: {done}{of} {self._unit}", err=True)
