"""Commands in, results out, one JSON object a line: how the suite works a program in another interpreter.

A command is {"do": name, "with": {…}}, its result {"result": …} or {"raised": {"type": …, "message": …}}.
Only the standard library is imported here: the other interpreter has none of this project's requirements.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Action = Callable[..., Awaitable[Any]]
_LONGEST = 2**24


async def serve(actions: Mapping[str, Action]) -> None:
    """Do one command after the other until standard input ends."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not be taken for a result
    commands = asyncio.StreamReader(limit=_LONGEST)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        command = json.loads(line)
        outcome = await _outcome({"ready": _ready, **actions}[command["do"]], command["with"])
        results.write(json.dumps(outcome) + "\n")
        results.flush()


async def _ready() -> None:
    """The first command, which shows that everything is imported."""


async def _outcome(action: Action, given: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": await action(**given)}
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what its user sees
        return {"raised": {"type": type(error).__name__, "message": str(error)}}
