"""What is measured: a service as its operator runs it, and the peers beside it."""

import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex

from bodhisattva.servers.bench.certificate import self_signed
from bodhisattva.servers.bench.processes import Process, free_port, process
from bodhisattva.servers.bench.slow_disk import slowed
from bodhisattva.servers.bench.talk import Talk
from bodhisattva.servers.bench.wire import Line
from bodhisattva.servers.core.auth import keys, tokens

SERVICE = "fastblocks"
_SERVE = "bodhisattva.servers.bench.serve"
_PEERS = "bodhisattva.servers.bench.peers"
_LIFETIME = 3600.0
_AT_ONCE = 24
# Everything is on, and nothing is to end or to slow down what is measured: bounds are far, heartbeats rare.
_SETTINGS = {
    "AUTH": "required",
    "LIMITS__CONNECTIONS": "100000",
    "LIMITS__CONNECTIONS_PER_USER": "100000",
    "LIMITS__CONNECTIONS_PER_ADDRESS": "100000",
    "LIMITS__MESSAGES_PER_SECOND": "1000000000",
    "TIMEOUTS__AUTH": "60",
    "TIMEOUTS__PING_INTERVAL": "600",
    "TOKENS__MAX_LIFETIME": str(_LIFETIME),
    "LOGGING__LEVEL": "error",
}


@dataclass(frozen=True)
class Running:
    """A subject's process and how to speak to it."""

    process: Process
    talk: Talk
    context: ssl.SSLContext | None = None

    def lines(self, count: int) -> list[Line]:
        """Connections that may go on with requests. They come by the dozen, as nobody's all come at once."""
        made: list[Line] = []
        while len(made) < count:
            batch = [Line(self.process.port, self.context) for _ in range(min(_AT_ONCE, count - len(made)))]
            self.talk.greet(batch)
            made += batch
        return made


@dataclass(frozen=True)
class Subject:
    """module: a peer's, under `peers`; none for the service, whose variant is its event loop.

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
            place, port = Path(name), free_port()
            if self.module:
                command = [sys.executable, "-m", f"{_PEERS}.{self.module}", str(port), name, self.variant]
                with process(_on_disk(command, flush_delay), port, place, {}) as server:
                    yield Running(server, Talk())
            else:
                with self._service(place, port, flush_delay) as running:
                    yield running

    @contextmanager
    def _service(self, place: Path, port: int, flush_delay: float) -> Iterator[Running]:
        secret, context = token_hex(32), None
        settings = {**_SETTINGS, "TOKENS__SECRET": secret}
        if self.tls:
            certificate, key = self_signed(place)
            settings |= {"TLS__CERTIFICATE": str(certificate), "TLS__KEY": str(key)}
            context = ssl.create_default_context(cafile=certificate)
        command = [sys.executable, "-m", _SERVE, self.variant, "serve", SERVICE, "--port", str(port)]
        command = _on_disk([*command, "--state", str(place / "state")], flush_delay)
        token = tokens.mint(keys.secret_key(secret), "bench", [f"{SERVICE}:write"], _LIFETIME)
        environment = {f"BODHISATTVA_{key}": value for key, value in settings.items()}
        with process(command, port, place, environment) as server:
            yield Running(server, Talk(token), context)


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
