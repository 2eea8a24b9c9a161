"""What is measured, each in a process of its own: the peer, and a service with its log in memory and in SQLite."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

PEER = "bare aiohttp"
SUBJECTS: Mapping[str, str] = {PEER: "", "log in memory": "memory", "log in SQLite": "sqlite"}
HOST = "127.0.0.1"
_START = 20.0
_SERVICE = "fastblocks"
_TICKS = os.sysconf("SC_CLK_TCK")
MEASURABLE = 10 / _TICKS
"""Seconds of processor time below which the kernel's steps are too coarse to say anything."""


@dataclass(frozen=True)
class Running:
    """A server under load; bare: whether it is the peer, which speaks no protocol."""

    url: str
    bare: bool
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time, user and system, that the process has had."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@asynccontextmanager
async def running(name: str, folder: Path) -> AsyncIterator[Running]:
    """Start a subject, wait until it listens, and end it with the block. folder: for the log, on a real disk."""
    port, log = _free_port(), SUBJECTS[name]
    command = ["-m", "bodhisattva.servers.bench.peer", str(port)]
    environment = dict(os.environ)
    if log:
        command = ["-m", "bodhisattva.servers.cli", "serve", _SERVICE, "--port", str(port), "--state", str(folder)]
        environment |= {
            "BODHISATTVA_AUTH": "disabled",
            "BODHISATTVA_LOG__KIND": log,
            "BODHISATTVA_LIMITS__MESSAGES_PER_SECOND": "1000000",
            "BODHISATTVA_LOGGING__LEVEL": "error",
        }
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment)
    try:
        await _listening(process, port)
        yield Running(f"ws://{HOST}:{port}/ws", not log, process.pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise RuntimeError(f"the server ended with exit code {process.returncode}")
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError(f"nothing listens on port {port} after {_START:g} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
