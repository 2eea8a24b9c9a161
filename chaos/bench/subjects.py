"""What is measured: a service as its operator runs it, and the baseline servers."""

import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bodhisattva.chaos.bench.connection import Connection
from bodhisattva.chaos.bench.generator import RequestGenerator
from bodhisattva.chaos.bench.processes import Process, process
from bodhisattva.chaos.bench.slow_disk import slowed
from bodhisattva.fixtures.certificates import Authority
from bodhisattva.fixtures.stack.ports import free_port
from bodhisattva.fixtures.tokens import Tokens, new_secret

SERVICE = "fastblocks"
_SERVE = "bodhisattva.chaos.bench.serve"
_BASELINES = "bodhisattva.chaos.bench.baselines"
_LIFETIME = 3600.0
_CONNECTING = 24  # at a time
# Everything is on, and nothing is to end or to slow down what is measured: bounds are far, heartbeats rare.
_SETTINGS = {
    "AUTH": "required",
    "LIMITS__CONNECTIONS": "100000",
    "LIMITS__CONNECTIONS_PER_USER": "100000",
    "LIMITS__CONNECTIONS_PER_ADDRESS": "100000",
    "LIMITS__MESSAGES_PER_SECOND": "1000000000",
    "TIMEOUTS__AUTH": "60",
    "TIMEOUTS__PING_INTERVAL": "600",
    "TOKENS__MAX_LIFETIME": str(2 * _LIFETIME),
    "LOGGING__LEVEL": "error",
}


@dataclass(frozen=True)
class Running:
    """A subject's process, and the requests for it. context: of its clients, for TLS."""

    process: Process
    generator: RequestGenerator
    context: ssl.SSLContext | None = None

    def connect(self, count: int) -> list[Connection]:
        """New connections after the handshake; they are opened in batches."""
        opened: list[Connection] = []
        while len(opened) < count:
            size = min(_CONNECTING, count - len(opened))
            batch = [Connection(self.process.port, self.context) for _ in range(size)]
            self.generator.handshake(batch)
            opened += batch
        return opened


@dataclass(frozen=True)
class Subject:
    """module: of a baseline, under `baselines`; none for the service, whose variant is its event loop.

    needs: packages that have to be importable.
    """

    name: str
    module: str = ""
    variant: str = ""
    needs: tuple[str, ...] = ()
    tls: bool = False

    @property
    def missing(self) -> list[str]:
        return [package for package in self.needs if find_spec(package) is None]

    @contextmanager
    def running(self, folder: Path, flush_delay: float = 0.0) -> Iterator[Running]:
        """Start it, and end it with the block. folder: on the disk that is to hold what it keeps.

        flush_delay: seconds by which that disk's flushes are to be slower.
        """
        with tempfile.TemporaryDirectory(dir=folder, prefix="bench-") as name:
            state, port = Path(name), free_port()
            if self.module:
                command = [sys.executable, "-m", f"{_BASELINES}.{self.module}", str(port), name, self.variant]
                with process(_on_disk(command, flush_delay), port, state, {}) as server:
                    yield Running(server, RequestGenerator())
            else:
                with self._service(state, port, flush_delay) as running:
                    yield running

    @contextmanager
    def _service(self, folder: Path, port: int, flush_delay: float) -> Iterator[Running]:
        tokens, context = Tokens(new_secret()), None
        settings = {**_SETTINGS, "TOKENS__SECRET": tokens.secret}
        if self.tls:
            authority = Authority()
            certificate, key = authority.server().write(folder, "bench")
            settings |= {"TLS__CERTIFICATE": str(certificate), "TLS__KEY": str(key)}
            context = authority.trust()
        command = [sys.executable, "-m", _SERVE, self.variant, "serve", SERVICE, "--port", str(port)]
        command = _on_disk([*command, "--state", str(folder / "state")], flush_delay)
        token = tokens.valid("bench", [f"{SERVICE}:write"], lifetime=_LIFETIME)
        environment = {f"BODHISATTVA_{key}": value for key, value in settings.items()}
        with process(command, port, folder, environment) as server:
            yield Running(server, RequestGenerator(token), context)


def _on_disk(command: list[str], flush_delay: float) -> list[str]:
    return slowed(command, flush_delay) if flush_delay else command


RAW = Subject("raw", "raw_asyncio")
AIOHTTP = Subject("aiohttp", "plain_aiohttp", "json")
AIOHTTP_MSGSPEC = Subject("aiohttp+msgspec", "plain_aiohttp", "msgspec")
WEBSOCKETS = Subject("websockets", "plain_websockets", needs=("websockets",))
PUBLISHED = Subject("mcp-common", "published", needs=("mcp_common", "websockets"))
FSYNC = Subject("fsync-each", "one_by_one", "fsync")
TRANSACTION = Subject("sqlite-each", "one_by_one", "sqlite")
OURS = Subject("service", variant="asyncio")
OURS_UVLOOP = Subject("service+uvloop", variant="uvloop", needs=("uvloop",))
OURS_TLS = Subject("service+tls", variant="asyncio", tls=True)
