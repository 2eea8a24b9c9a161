from unittest.mock import patch

from bodhisattva.servers.core import shape

CLAUSE = "PROTOCOL-025"
WRONG = "reads a level of nesting less than it claims"
SAYS = "in vain for the answer to deep"

check = shape.check


def check_less(text: str, *, values: int, nesting: int) -> None:
    check(text, values=values, nesting=nesting - 1)


def mutate() -> None:
    patch.object(shape, "check", check_less).start()
