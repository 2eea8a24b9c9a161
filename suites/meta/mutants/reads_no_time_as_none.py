from unittest.mock import patch

from bodhisattva.servers.core.errors import InvalidData
from bodhisattva.servers.crackerjack.numbers import Seconds

CLAUSE = "PROTOCOL-224"
WRONG = "passes over a time that is none"
SAYS = "is read as a time"

read = Seconds.read


def read_or_pass_over(seconds: Seconds, text: str | None) -> float | None:
    try:
        return read(seconds, text)
    except InvalidData:
        return None


def mutate() -> None:
    patch.object(Seconds, "read", read_or_pass_over).start()
