from unittest.mock import patch

from bodhisattva.servers.core.engine.deduplication import Answers, Key, Outcome

CLAUSE = "PROTOCOL-054"
WRONG = "decides a refused command anew when it comes again"
SAYS = "was not refused"

settle = Answers.settle


def settle_what_was_done(answers: Answers, key: Key, outcome: Outcome, now: float) -> None:
    settle(answers, key, outcome, now)
    if outcome.code is not None:
        answers._known.pop(key, None)


def mutate() -> None:
    patch.object(Answers, "settle", settle_what_was_done).start()
