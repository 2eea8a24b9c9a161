from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine import engine
from bodhisattva.servers.core.engine.deduplication import Key, key_of
from bodhisattva.servers.core.engine.engine import Engine

CLAUSE = "PROTOCOL-050"
WRONG = "knows a command again only on the connection on which it came"
SAYS = "was refused"

command = Engine.command


def command_here(there: Engine, handler: Any, data: Any, context: Context, *others: Any) -> None:
    def key_here(user_id: str, request_id: str) -> Key:
        return key_of(user_id, context.connection_id + request_id)

    with patch.object(engine, "key_of", key_here):
        command(there, handler, data, context, *others)


def mutate() -> None:
    patch.object(Engine, "command", command_here).start()
