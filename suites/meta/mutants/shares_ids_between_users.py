from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine.deduplication import Answer
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.service import Handler

CLAUSE = "PROTOCOL-052"
WRONG = "takes another user's command for a repetition if its id is the same"
SAYS = "get_session was refused"

command = Engine.command


def command_of_anybody(
    engine: Engine, handler: Handler, data: dict[str, Any], context: Context, request_id: str | None, answer: Answer
) -> None:
    command(engine, handler, data, replace(context, user_id="anybody"), request_id, answer)


def mutate() -> None:
    patch.object(Engine, "command", command_of_anybody).start()
