"""A published server as a process of its own, for as long as it is judged."""

import os
import subprocess
from pathlib import Path
from typing import Self

from bodhisattva.fixtures.clock import eventually_sync
from bodhisattva.fixtures.stack.ports import free_port, open_port
from bodhisattva.suites.originals.original import ADAPTERS, Original

START = 90.0  # units of time: the first start compiles what it imports
END = 5.0


class DidNotStart(Exception):
    """The server does not accept connections; the message is one line."""


class Running:
    """An original that its adapter has started. It ends with this process, whatever ends that."""

    def __init__(self, original: Original, folder: Path, secret: str) -> None:
        self.port = free_port()
        self._log = folder / "log"
        folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - an interpreter of ours, and an adapter
                [original.interpreter, "-m", f"{ADAPTERS.name}.{original.module}", str(self.port)],
                cwd=folder,
                env=_environment(original.service, secret),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:  # which closes its input and waits
            self._process.terminate()
            try:
                self._process.wait(END)
            except subprocess.TimeoutExpired:
                self._process.kill()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    def wait(self) -> None:
        """Wait until it accepts connections; DidNotStart if it ends first, or takes too long."""

        def settled() -> bool:
            return self._process.poll() is not None or open_port(self.port)

        try:
            eventually_sync(settled, f"port {self.port}", START, every=0.1)
        except AssertionError:
            raise DidNotStart(f"it does not listen after {START:g} s; its log ends: {self._last()}") from None
        if self._process.poll() is not None:
            raise DidNotStart(f"it ended with exit code {self._process.returncode}: {self._last()}")

    def _last(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "(nothing)")


def _environment(service: str, secret: str) -> dict[str, str]:
    """This process's, less what would lead to its own packages, with what all of the originals document."""
    name = service.upper().replace("-", "_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return {
        **kept,
        "PYTHONPATH": str(ADAPTERS.parent),
        f"{name}_JWT_SECRET": secret,
        f"{name}_AUTH_ENABLED": "true",
    }
