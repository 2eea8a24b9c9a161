"""What stands in the log, and what does not."""

import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from aiohttp.http_exceptions import LineTooLong

from bodhisattva.servers.core import logs
from bodhisattva.servers.core.config import Logging


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored")
def test_what_is_no_http_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Logging())
    logger = logging.getLogger("aiohttp.server")
    logger.error("Error handling request", exc_info=LineTooLong(b"Bearer secret", 8190))
    assert capsys.readouterr().err == ""
    logger.error("Error handling request", exc_info=ValueError("ours"))
    assert "ours" in capsys.readouterr().err


@pytest.mark.usefixtures("restored")
def test_who_writes_to_a_full_disk_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        logs.configure(Logging())
        structlog.get_logger().error("append failed", error="disk full")
        logging.getLogger("other").error("lost")
        with suppress(OSError):
            full.close()
