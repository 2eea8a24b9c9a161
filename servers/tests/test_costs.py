"""What a request costs grows no faster than what it is about: four times as much takes about four times as long."""

import time
from collections.abc import Callable

import pytest

from bodhisattva.servers.crackerjack.safe_xml import parse
from bodhisattva.servers.dhruva import versions
from bodhisattva.servers.mahavishnu import references
from bodhisattva.servers.mahavishnu.domain import Compensation, Stage, Workflow
from bodhisattva.servers.mahavishnu.service import SERVICE as MAHAVISHNU
from bodhisattva.servers.session_buddy import query
from bodhisattva.servers.session_buddy.snippets import Snippets
from bodhisattva.servers.tests.harness import START, Harness

Work = Callable[[], object]
FASTEST_OF = 3
LINEAR = 8.0
"""The work that is four times as large takes less than so many times as long; were it quadratic, sixteen times."""


def marks(size: int) -> Work:
    text = "a" + "\u05b0\u0591" * size * 300
    return lambda: query.fold(text)


def snippet(size: int) -> Work:
    text, snippets = "kiln " * size * 1000, Snippets()
    return lambda: snippets.of(text, '"kiln"')


def workflow(size: int) -> Workflow:
    stages = [Stage(f"s{number}", "a", "b", timeout=1.0) for number in range(size * 200)]
    results = [number for number, _ in enumerate(stages)]
    compensations = [Compensation(number, "completed") for number in reversed(results)]
    return Workflow(
        "w", "a", "p", stages, "ada", START.isoformat(), "failed", list(results), compensations=compensations
    )


def status(size: int) -> Work:
    harness = Harness(MAHAVISHNU)
    harness.state.workflows["w"] = workflow(size)
    handler = MAHAVISHNU.query_handlers["get_workflow_status"]
    requested = handler.input_type("w")
    return lambda: handler.answer(harness.state, requested, harness.context())


def ended_compensations(size: int) -> Work:
    held = workflow(size)

    def end_all() -> None:
        for compensation in held.compensations:
            compensation.status = "due"
        while (due := held.next_compensation) is not None:
            due.status = "completed"

    return end_all


def taken_results(size: int) -> Work:
    held = workflow(size)
    data = [{"$result": [stage.name]} for stage in held.stages]
    return lambda: references.resolved(data, held)


def ranges(size: int) -> Work:
    """Looked up in so many versions, which grow by the same factor as the ranges do not."""
    ordered = versions.Ordered(versions.parse(f"1.{number}.0-rc.1") for number in range(size * 500))
    return lambda: [ordered.choose(f">={number} || 1.{number}.0" if number else "9") for number in range(size * 10)]


def elements(size: int) -> Work:
    text = f"<coverage>{'<line/>' * size * 500}</coverage>"
    return lambda: parse(text)


def _seconds(work: Work) -> float:
    """Of this thread's own processor time, so that another process costs nothing."""
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


WORKS = (marks, snippet, status, ended_compensations, taken_results, ranges, elements)


@pytest.mark.parametrize("made", WORKS, ids=lambda made: made.__name__)
def test_the_cost_grows_linearly_with_the_size(made: Callable[[int], Work]) -> None:
    small, large = made(4), made(16)
    ratio = min(_seconds(large) for _ in range(FASTEST_OF)) / min(_seconds(small) for _ in range(FASTEST_OF))
    assert ratio < LINEAR, f"{made.__name__}: {ratio:.1f} times as long"
