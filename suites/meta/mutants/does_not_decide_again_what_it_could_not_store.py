from collections.abc import Sequence
from unittest.mock import patch

from bodhisattva.servers.core.engine.deduplication import Answers, Key, Outcome
from bodhisattva.servers.core.log.base import StoredAnswer

CLAUSE = "DEGRADATION-021"
WRONG = "answers a command that it could not store UNAVAILABLE for ever after"
SAYS = "was refused"

settle = Answers.settle
load = Answers.load


def settle_for_good(answers: Answers, key: Key, outcome: Outcome, now: float) -> None:
    settle(answers, key, outcome, now)
    answers._known[key] = (now, outcome)


def load_besides(answers: Answers, stored: Sequence[StoredAnswer]) -> None:
    known = answers._known
    load(answers, stored)
    answers._known = {**known, **answers._known}


def mutate() -> None:
    patch.object(Answers, "load", load_besides).start()
    patch.object(Answers, "settle", settle_for_good).start()
