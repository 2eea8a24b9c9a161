from unittest.mock import patch

from bodhisattva.servers.core import shape

CLAUSE = "SECURITY-201"
WRONG = "decodes messages with more values than it claims"
SAYS = "values"
ALSO = ("SECURITY-202",)

check = shape.check


def check_nesting(text: str, *, values: int, nesting: int) -> None:
    check(text, values=len(text) + values, nesting=nesting)


def mutate() -> None:
    patch.object(shape, "check", check_nesting).start()
