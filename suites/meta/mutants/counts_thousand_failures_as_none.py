from unittest.mock import patch

from bodhisattva.servers.crackerjack import junit
from bodhisattva.servers.crackerjack.numbers import count

CLAUSE = "PROTOCOL-225"
WRONG = "counts no failures where their number is written with a comma"
SAYS = '1,000" has passed'


def count_of_digits(text: str | None) -> int | None:
    return count(text) if (text or "").isdigit() else 0


def mutate() -> None:
    patch.object(junit, "count", count_of_digits).start()
