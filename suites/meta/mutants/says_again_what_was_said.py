from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.engine.deduplication import Key
from bodhisattva.servers.core.engine.engine import Decided, Engine

CLAUSE = "PROTOCOL-055"
WRONG = "does a command again whose event nobody keeps"
SAYS = "done 2 times"

record = Engine._record


def record_what_is_kept(engine: Engine, decided: Decided, key: Key | None, *more: Any) -> None:
    record(engine, decided, None if decided.only_said else key, *more)


def mutate() -> None:
    patch.object(Engine, "_record", record_what_is_kept).start()
