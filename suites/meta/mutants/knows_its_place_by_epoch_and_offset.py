from unittest.mock import patch

from bodhisattva.servers.core.log import redis_scripts
from bodhisattva.servers.core.log.base import Position

CLAUSE = "REPLICAS-023"
WRONG = "tells its place in a bridge's source by epoch and offset, whichever events these stand for"
SAYS = "not once each"


def place(position: Position) -> tuple[str, int]:
    return position.epoch, position.offset


def mutate() -> None:
    patch.object(Position, "_place", property(place)).start()
    patch.object(
        redis_scripts, "APPEND", redis_scripts.APPEND.replace("newest(basis) == newest(known)", "true")
    ).start()
