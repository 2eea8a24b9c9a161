"""The format of a log as JSON lines: a head, the rows, and an end with their number, which shows a truncated file.

Data and outcomes are kept byte for byte, so a log that is exported and imported is the same log.
"""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log.base import Position, Snapshot, StoredEvent
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import Source

FORMAT = 1
S = TypeVar("S", bound=msgspec.Struct)


class Head(msgspec.Struct, frozen=True, tag="log", tag_field="line"):
    """The first line. format: the version of this format."""

    format: int
    service: str
    epoch: str


class FloorLine(msgspec.Struct, frozen=True, tag="floor", tag_field="line"):
    """A channel whose events up to `offset` were removed."""

    channel: str
    offset: int


class SnapshotLine(Snapshot, frozen=True, tag="snapshot", tag_field="line"):
    """state: base64."""


class EventLine(StoredEvent, frozen=True, tag="event", tag_field="line", omit_defaults=True):
    """See `base.StoredEvent`."""


class AnswerLine(msgspec.Struct, frozen=True, tag="answer", tag_field="line"):
    """See `base.StoredAnswer`; outcome: as JSON."""

    user_id: str
    request_id: str
    at: float
    outcome: msgspec.Raw


class PositionLine(Position, frozen=True, tag="position", tag_field="line"):
    """See `base.Position`."""


class End(msgspec.Struct, frozen=True, tag="end", tag_field="line"):
    """The last line. rows: the number of lines between the first and this one."""

    rows: int


Row = FloorLine | SnapshotLine | EventLine | AnswerLine | PositionLine
Line = Head | Row | End
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def written(source: Source, progress: Progress) -> Iterator[bytes]:
    """The lines of a log. Damaged or sqlite3.Error if it cannot be read."""
    yield _line(Head(FORMAT, source.service, source.epoch))
    total = source.rows()
    number = 0
    for number, row in enumerate(_rows(source), 1):
        yield _line(row)
        progress.report(number, total)
    yield _line(End(number))


def read(lines: Iterator[bytes]) -> Iterator[Head | Row]:
    """The head, then the rows; Refused with the number of the first invalid line."""
    ended, number = False, 0
    for number, text in enumerate(lines, 1):
        try:
            line = _decoder.decode(text)
        except msgspec.MsgspecError as error:
            raise Refused(f"line {number} is none of a log ({error})") from None
        if ended or isinstance(line, Head) is not (number == 1):
            raise Refused(f"line {number}: {text[:40]!r} does not belong there")
        if isinstance(line, Head) and line.format != FORMAT:
            raise Refused(f"line 1: this release reads lines of format {FORMAT}, not {line.format}")
        if isinstance(line, End):
            ended = True
            if line.rows != number - 2:
                raise Refused(f"line {number} ends {line.rows} rows, and there are {number - 2}")
        else:
            yield line
    if number and not ended:
        raise Refused(f"the lines are torn off after line {number}: there is no last one")


def _rows(source: Source) -> Iterator[Row]:
    for channel, offset in source.log_starts().items():
        yield FloorLine(channel, offset)
    snapshot = source.snapshot()
    if snapshot is not None:
        yield _as(SnapshotLine, snapshot)
    for event in source.events():
        yield _as(EventLine, event)
    for answer in source.answers():
        yield AnswerLine(answer.user_id, answer.request_id, answer.at, msgspec.Raw(answer.outcome))
    for position in source.positions():
        yield _as(PositionLine, position)


def _as(kind: type[S], row: msgspec.Struct) -> S:
    return kind(**msgspec.structs.asdict(row))


def _line(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"
