from unittest.mock import patch

from bodhisattva.servers.core.transport.text import ArrivingText

CLAUSE = "SECURITY-242"
WRONG = "finds text that is no UTF-8 only once its message has ended"
SAYS = "1006 == 1007"
ALSO = ("SECURITY-240",)


def take_anything(_text: ArrivingText, _body: bytes) -> bool:
    return True


def mutate() -> None:
    patch.object(ArrivingText, "take", take_anything).start()
