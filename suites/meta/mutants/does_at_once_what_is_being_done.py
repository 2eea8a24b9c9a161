from unittest.mock import patch

from bodhisattva.servers.core.engine.deduplication import Answer, Answers, Key

CLAUSE = "PROTOCOL-051"
WRONG = "takes a command that is still being done, and comes again, for a new one"
SAYS = "create_session was refused"

asked_before = Answers.asked_before


def answered_before(answers: Answers, key: Key, answer: Answer, now: float) -> bool:
    return key not in answers._waiting and asked_before(answers, key, answer, now)


def mutate() -> None:
    patch.object(Answers, "asked_before", answered_before).start()
