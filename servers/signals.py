"""Signals before and after the event loop handles them: nothing is open then, so nothing has to be drained."""

import os
import signal
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGINT)
_NOT_STARTED = b"bodhisattva: stopped before it had started\n"


def before_loop() -> None:
    """Call before the slow imports: SIGTERM and SIGINT exit with 0, and SIGHUP is ignored."""
    for number in _ENDING:
        signal.signal(number, _end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def after_loop() -> None:
    """Ignore further signals, since the process is ending."""
    for number in (*_ENDING, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _end(_number: int, _frame: FrameType | None) -> None:
    """Exit at once: an exception would surface inside a module that is being imported."""
    os.write(2, _NOT_STARTED)
    os._exit(0)
