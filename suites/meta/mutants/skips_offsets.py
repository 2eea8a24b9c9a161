from unittest.mock import patch

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.engine import Engine

CLAUSE = "PROTOCOL-040"
WRONG = "leaves gaps between the offsets of a channel"
SAYS = "came offsets"
ALSO = ("PROTOCOL-041", "PROTOCOL-043")

reserve = Engine._reserve


def reserve_two(engine: Engine, channel: str) -> int:
    if channel != GLOBAL:
        reserve(engine, channel)
    return reserve(engine, channel)


def mutate() -> None:
    patch.object(Engine, "_reserve", reserve_two).start()
