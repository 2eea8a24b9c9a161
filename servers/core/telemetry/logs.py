"""Structured logs on stderr: JSON for machines, or coloured lines for people."""

import asyncio
import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from aiohttp.http_exceptions import HttpProcessingError

from bodhisattva.servers.core.config import Logging

LONGEST = 100  # characters of what others named
_COMMON: list[structlog.types.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


class _Stderr:
    """Where the disk is full, or nobody reads any more, lines are lost; whoever wrote them is to go on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure(settings: Logging) -> None:
    """Set up our own logs, and give those of libraries and Python's warnings the same form."""
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer()
    if settings.format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[*_COMMON, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    foreign = logging.StreamHandler(sys.stderr)
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    foreign.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[*_COMMON, _named], processors=[meta, renderer])
    )
    logging.basicConfig(level=logging.WARNING, handlers=[foreign], force=True)
    logging.getLogger("aiohttp.server").addFilter(_not_the_clients_fault)
    # It warns of subprotocols, and quotes them: where browsers can send no header, that is where they put their tokens.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


def request_fields(connection_id: str, request_id: str | None) -> dict[str, str]:
    """The connection and the request that a line concerns, if it does; what others chose is cut to a length."""
    ids = {"connection_id": connection_id, "request_id": (request_id or "")[:LONGEST]}
    return {name: value for name, value in ids.items() if value}


def loop_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody caught in a callback or task."""
    structlog.get_logger().error(context["message"], exc_info=context.get("exception"))


def _not_the_clients_fault(record: logging.LogRecord) -> bool:
    """What is no HTTP is answered 400; aiohttp would log it as our error, and quote it, tokens and all."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _named(logger: Any, _method: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    line["logger"] = getattr(line.get("_record"), "name", None)
    return line
