"""Whether something grew. The bounds are here, and nowhere else.

Every count has to be, at both rests, what it was before anybody came; it may only be less. Two are not that simple:
the service keeps its last answers until the next command, and so one may be left; and a database opens a file or two
when it is first used, so descriptors are compared with the first rest.

Memory never goes back to what it was before the first crowd: the allocator keeps what it once had for the next one.
So there are two crowds of the same size, and the memory after the second is compared with that after the first, and
the last third of the second crowd with its first third.
"""

import statistics
from collections.abc import Iterator

from bodhisattva.chaos.soak.gauges import ANSWERS, COUNTS, MEMORY
from bodhisattva.chaos.soak.record import EMPTY, FIRST_REST, SECOND_CROWD, SECOND_REST, Course
from bodhisattva.chaos.verdict import Verdict

DESCRIPTORS = "process_open_fds"
CONNECTIONS = "websocket_connections_current"
ALLOWED = {ANSWERS: 1.0}
MEGABYTE = 1e6
AT_REST = 4 * MEGABYTE
IN_A_CROWD = 8 * MEGABYTE
CROWDED = 0.7  # of the connections asked for, in the median: some guests are always between two visits
HINDERED = 0.02


def judge(course: Course) -> tuple[Verdict, list[str]]:
    """The verdict, and what speaks against a valid one. What grew outranks what was not put to the test."""
    if grew := [*_counts(course), *_memory(course)]:
        return Verdict.INVALID, grew
    if doubts := list(_doubts(course)):
        return Verdict.UNKNOWN, doubts
    return Verdict.VALID, []


def growth(course: Course) -> float:
    """Bytes that the service has more at its second rest than at its first."""
    return course.rests[SECOND_REST][MEMORY] - course.rests[FIRST_REST][MEMORY]


def _counts(course: Course) -> Iterator[str]:
    for rest in (FIRST_REST, SECOND_REST):
        for metric, name in COUNTS.items():
            before = FIRST_REST if metric == DESCRIPTORS else EMPTY
            was, now = course.rests[before][metric], course.rests[rest][metric]
            if now > was + ALLOWED.get(metric, 0):
                yield f"{name}: {now:.0f} in the phase {rest!r}, {was:.0f} in the phase {before!r}"


def _memory(course: Course) -> Iterator[str]:
    if (grown := growth(course)) > AT_REST:
        each = grown / max(1, sum(course.visits.values()))
        yield f"memory: {_mb(grown)} more at the second rest than at the first, {each:,.0f} bytes a visit"
    crowd = [sample.values[MEMORY] for sample in course.samples if sample.phase == SECOND_CROWD]
    third = len(crowd) // 3
    if third and (risen := statistics.median(crowd[-third:]) - statistics.median(crowd[:third])) > IN_A_CROWD:
        yield f"memory: {_mb(risen)} more in the last third of the second crowd than in its first"


def _doubts(course: Course) -> Iterator[str]:
    came = [sample.values[CONNECTIONS] for sample in course.samples if sample.phase == SECOND_CROWD]
    if not came or statistics.median(came) < CROWDED * course.connections:
        found = f"{statistics.median(came):.0f}" if came else "never"
        yield f"the crowd was to be {course.connections} connections, and in the median it was {found}"
    hindered = sum(course.hindered.values())
    if hindered > HINDERED * sum(course.visits.values()):
        yield f"{hindered} visits were hindered: {'; '.join(sorted(course.hindered))}"


def _mb(size: float) -> str:
    return f"{size / MEGABYTE:.1f} MB"
