import re
from unittest.mock import patch

from bodhisattva.servers.core import shape

CLAUSE = "SECURITY-202"
WRONG = "looks over the whole message once for each level of its nesting"
SAYS = "times as long"

check = shape.check


def check_by_levels(text: str, *, values: int, nesting: int) -> None:
    brackets = re.sub(r"[^][]+", "", text)
    for _ in range(nesting):
        brackets.replace("[]", "")
    check(text, values=values, nesting=nesting)


def mutate() -> None:
    patch.object(shape, "check", check_by_levels).start()
