from unittest.mock import patch

from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.crackerjack import runs
from bodhisattva.servers.crackerjack.domain import Result

CLAUSE = "PROTOCOL-110"
WRONG = "tells of failed tests without their traceback"
SAYS = "not told as it was recorded"

ended = runs.ended


def end_without_traceback(run_id: str, result: Result) -> Event:
    event = ended(run_id, result)
    return Event(event.name, event.channels, {**event.data, "traceback": None})


def mutate() -> None:
    patch.object(runs, "ended", end_without_traceback).start()
