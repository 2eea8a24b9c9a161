"""A program in the peers' interpreter, driven over its standard streams."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Literal

from bodhisattva.fixtures.clock import PATIENCE, bounded, units

VARIABLE = "BODHISATTVA_INTEROP_PYTHON"
Program = Literal["mcp_common_program", "websockets_program"]
_FOLDER = Path(__file__).resolve().parent
_START = 60.0
_LONGEST = 2**24
_IDENTIFY = """
import platform, mcp_common.websocket, websockets.asyncio.client
from importlib.metadata import version
names = "mcp-common", "websockets"
print(*(f"{name} {version(name)}" for name in names), f"Python {platform.python_version()}", sep=", ")
"""


class PeerMissing(Exception):
    """There is no interpreter with the published client; one line with how to get it."""


class PeerError(Exception):
    """What the peer's own code raised: the exception's name and its text."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


def peer_versions() -> str:
    """What the peers' interpreter has, with versions; PeerMissing unless one is named that has the clients."""
    python = os.environ.get(VARIABLE)
    if not python:
        raise PeerMissing(f"{VARIABLE} is not set; `nox -s interop` sets it, ./ci/peer makes .tools/peer/bin/python.")
    command = [python, "-c", _IDENTIFY]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=units(_START), check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissing(f"{VARIABLE}: {python} does not run ({error}); ./ci/peer makes one.") from error
    if completed.returncode:
        last = (completed.stderr.splitlines() or ["no output"])[-1]
        raise PeerMissing(f"{VARIABLE}: {python} has no published client ({last}); ./ci/peer makes one.")
    return completed.stdout.strip()


class PeerProcess:
    """One of the programs of this folder; its standard error goes into a file that a failure shows."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self._process = process
        self._errors = errors

    @classmethod
    async def start(cls, program: Program, errors: Path) -> "PeerProcess":
        root, package = _FOLDER.parents[1], f"{_FOLDER.parent.name}.{_FOLDER.name}"
        with errors.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(os.environ[VARIABLE], "-m", f"{package}.{program}"),
                cwd=root,
                env=_environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LONGEST,
            )
        started = cls(process, errors)
        await started.do("ready", within=_START)
        return started

    async def do(self, what: str, *, within: float = PATIENCE, **given: Any) -> Any:
        """Have one command done; Raised if that raises there."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": what, "with": given}).encode() + b"\n")
        line = await bounded(stdout.readline(), f"the peer's {what}", within)
        assert line, f"the peer ended during {what}: {self.errors()[-2000:]}"
        outcome = json.loads(line)
        if "raised" in outcome:
            raise PeerError(outcome["raised"]["type"], outcome["raised"]["message"])
        return outcome["result"]

    def errors(self) -> str:
        return self._errors.read_text(encoding="utf-8", errors="replace")

    async def close(self) -> None:
        """End its input, and it if that does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await bounded(self._process.wait(), "the end of the peer")
        except AssertionError:
            self._process.kill()
            await self._process.wait()


def _environment() -> dict[str, str]:
    """This process's, less what would lead the other interpreter to this one's packages."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
