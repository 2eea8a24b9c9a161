"""The phases of a run: each has a bound, is reported, and its end or failure is recorded in the history."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bodhisattva.chaos.history import RUN, Recorder
from bodhisattva.chaos.nemesis import NEMESIS_ERRORS
from bodhisattva.chaos.operations import PHASE, Phase
from bodhisattva.fixtures.clock import units


class PhaseFailed(Exception):
    """A phase failed; the history has its name and the reason."""


class Phases:
    """progress: takes a line at a time."""

    def __init__(self, recorder: Recorder, progress: Callable[[str], None]) -> None:
        self._recorder = recorder
        self._progress = progress

    @asynccontextmanager
    async def phase(self, name: str, what: str, within: float) -> AsyncIterator[None]:
        """A step that waits for `what`, at most `within` units of time; PhaseFailed if it fails.

        So it does for a mistake in a workload or a fault, too: that is no verdict on the services.
        """
        began = self._recorder.now
        self._progress(f"{name}: waiting for {what}, at most {units(within):g} s")
        self._record(Phase(name, "began"))
        try:
            async with asyncio.timeout(units(within)):
                yield
        except TimeoutError:
            raise self._failed(name, f"waited {units(within):g} s in vain for {what}") from None
        except Exception as error:
            if not isinstance(error, NEMESIS_ERRORS):
                self._progress(traceback.format_exc())
            raise self._failed(name, f"{type(error).__name__}: {error}") from error
        self._record(Phase(name, "ended"))
        self._progress(f"{name}: done in {self._recorder.now - began:.1f} s")

    def _failed(self, name: str, reason: str) -> PhaseFailed:
        self._record(Phase(name, "failed", reason))
        self._progress(f"{name}: failed, {reason}")
        return PhaseFailed(f"{name}: {reason}")

    def _record(self, phase: Phase) -> None:
        self._recorder.record(RUN, "info", PHASE, phase)
