from unittest.mock import patch

from bodhisattva.servers.crackerjack.numbers import Seconds

CLAUSE = "PROTOCOL-224"
WRONG = "takes each comma of a time for one between thousands"
SAYS = "is read as 5.0 seconds"

plain = Seconds._plain


def plain_without_commas(seconds: Seconds, text: str) -> str:
    return plain(seconds, text.replace(",", ""))


def mutate() -> None:
    patch.object(Seconds, "_plain", plain_without_commas).start()
