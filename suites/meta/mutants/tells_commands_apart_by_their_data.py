from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine.deduplication import Answer
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.service import Handler

CLAUSE = "PROTOCOL-056"
WRONG = "executes other data under the id of an earlier command"
SAYS = "assert {"

command = Engine.command


def command_by_data(
    engine: Engine, handler: Handler, data: dict[str, Any], context: Context, request_id: str | None, answer: Answer
) -> None:
    command(engine, handler, data, context, f"{request_id} {data}", answer)


def mutate() -> None:
    patch.object(Engine, "command", command_by_data).start()
