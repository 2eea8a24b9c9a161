"""What stands in the log, and what does not."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from aiohttp.http_exceptions import LineTooLong

from bodhisattva.servers.core.config import Logging
from bodhisattva.servers.core.telemetry import logs
from bodhisattva.servers.tests.running import running


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
def test_lines_for_people_are_coloured_in_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for terminal in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda shown=terminal: shown)
        logs.configure(Logging(format="console"))
        structlog.get_logger().info("listening")
        assert ("\x1b" in capsys.readouterr().err) is terminal


@pytest.mark.usefixtures("restored")
async def test_what_a_client_requests_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    async with running() as one:
        logs.configure(Logging())
        await one.connect(protocols=("bearer", "the.t0ken"))
        assert "the.t0ken" not in capsys.readouterr().err


async def test_who_leaves_before_the_upgrade_is_answered_is_no_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as one:
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", one.server.port)
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            writer.write_eof()
            await reader.read()
            writer.close()
        await one.quiet()
    assert not caplog.records


@pytest.mark.usefixtures("restored")
def test_who_writes_to_a_full_disk_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        logs.configure(Logging())
        structlog.get_logger().error("append failed", error="disk full")
        logging.getLogger("other").error("lost")
        with suppress(OSError):
            full.close()
