"""What signals mean before and after the event loop takes them: nothing is open then, so nothing has to be drained."""

import os
import signal
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGINT)
_NOT_STARTED = b"bodhisattva: stopped before it had started\n"


def before_loop() -> None:
    """To be called before the slow imports: SIGTERM and SIGINT end in order, SIGHUP has nothing to reload yet."""
    for number in _ENDING:
        signal.signal(number, _end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def after_loop() -> None:
    """The end is under way: nothing can hurry it."""
    for number in (*_ENDING, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _end(_number: int, _frame: FrameType | None) -> None:
    """At once: an exception would surface in the middle of whatever is being imported."""
    os.write(2, _NOT_STARTED)
    os._exit(0)
