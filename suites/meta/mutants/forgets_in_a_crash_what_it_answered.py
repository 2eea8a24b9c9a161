from collections.abc import Sequence
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.engine.deduplication import Answers, Outcome
from bodhisattva.servers.core.log.base import StoredAnswer

CLAUSE = "PROTOCOL-053"
WRONG = "remembers after a crash that it answered a command, but not what"
SAYS = "{} == {'s"

load = Answers.load


def load_emptied(answers: Answers, stored: Sequence[StoredAnswer]) -> None:
    load(answers, stored)
    for key, (at, outcome) in answers._known.items():
        answers._known[key] = (at, replace(outcome, data=Outcome.of({}).data))


def mutate() -> None:
    patch.object(Answers, "load", load_emptied).start()
