"""What a soak leaves: `soak.json`."""

import msgspec

from bodhisattva.chaos.soak.pace import Pace
from bodhisattva.chaos.verdict import Verdict

SCHEMA = "bodhisattva.soak/1"
RECORD_FILE = "soak.json"
PICTURE_FILE = "soak.svg"

EMPTY = "empty"
FIRST_CROWD, FIRST_REST = "first crowd", "first rest"
SECOND_CROWD, SECOND_REST = "second crowd", "second rest"


class Sample(msgspec.Struct, frozen=True):
    """at: seconds since the beginning. values: by metric; counts, and bytes of memory."""

    at: float
    phase: str
    values: dict[str, float]


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. visits: that ended as they were to, by kind of ending. hindered: why others did not, counted.

    rests: what the service held at last in the phases without a crowd.
    """

    service: str
    connections: int
    tls: bool
    seed: int
    pace: Pace
    visits: dict[str, int]
    hindered: dict[str, int]
    rests: dict[str, dict[str, float]]
    samples: list[Sample]


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """findings: why the verdict is not valid, a line each. growth: bytes of memory from one rest to the other."""

    schema: str = SCHEMA
    started: str
    command: list[str]
    verdict: Verdict
    findings: list[str]
    growth: float
    course: Course
