"""The history of a run, in the order of recording: the only input of a checker.

A history is a file of JSON lines, one operation each, as in Jepsen: a process `invoke`s a function and later learns
that it was done (`ok`), that it certainly was not (`fail`), or nothing certain (`info`). Every line is flushed when
it is written, so that the evidence outlives a crash of the run, and it is read back from the file to be judged.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

Type = Literal["invoke", "ok", "fail", "info"]

HISTORY_FILE = "history.jsonl"

NEMESIS = "nemesis"
RUN = "run"


class HistoryError(ValueError):
    """A file that is no history; the message names the file and the line."""


class Operation(msgspec.Struct, frozen=True):
    """One line. time: seconds since the run began. process: who. f: which function. value: JSON."""

    time: float
    process: str
    type: Type
    f: str
    value: Any = None


class History(tuple[Operation, ...]):
    """Operations in the order in which they were recorded."""

    __slots__ = ()

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> Self:
        return cls(operations)

    def select(self, *, f: str | None = None, type: Type | None = None) -> Iterator[Operation]:  # noqa: A002
        """The operations of function `f` and of type `type`; None takes any."""
        return (
            operation
            for operation in self
            if (f is None or operation.f == f) and (type is None or operation.type == type)
        )


class Recorder:
    """Appends operations to a new file and stamps them with the seconds since it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._began = time.monotonic()

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    def record(self, process: str, type: Type, f: str, value: Any = None) -> None:  # noqa: A002
        operation = Operation(round(self.now, 6), process, type, f, value)
        self._file.write(msgspec.json.encode(operation) + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read(path: Path) -> History:
    """The history in `path`; a last line that a crash cut short is left out, any other damage is HistoryError."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror}") from None
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    return History.of(_operations(path, lines))


def _operations(path: Path, lines: list[bytes]) -> Iterator[Operation]:
    decoder = msgspec.json.Decoder(Operation)
    for number, line in enumerate(lines, start=1):
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise HistoryError(f"{path}, line {number}: not an operation of a history ({error})") from None
