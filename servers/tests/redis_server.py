"""A Redis of a test's own, on a free port of loopback, with a folder of its own; it can be killed and started again."""

import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HOW = "there is no redis-server, which this test needs: ./ci/redis unpacks Debian's"
_TOOLS = Path(__file__).resolve().parents[2] / ".tools" / "bin"
_PATIENCE = 10.0
SLOTS = 16384
_DEFAULTS = {"appendonly": "yes", "appendfsync": "always", "save": '""', "repl-diskless-sync-delay": "0"}


class RedisServer:
    """A redis-server process that flushes each write to the disk.

    settings: of its configuration file. lines: such as make it a sentinel, in place of the settings.
    """

    def __init__(self, folder: Path, lines: Sequence[str] = (), **settings: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._data = folder / "data"
        self._data.mkdir()
        self._lines = lines or _lines(_DEFAULTS | settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers; the data of an earlier run is there again."""
        binary = shutil.which("redis-server") or shutil.which("redis-server", path=_TOOLS)
        if binary is None:
            pytest.fail(HOW)
        fixed = _lines({"port": str(self.port), "bind": "127.0.0.1", "dir": str(self._data), "daemonize": "no"})
        configuration = self._folder / "redis.conf"
        configuration.write_text("\n".join([*fixed, *self._lines]))
        kind = ["--sentinel"] if any(line.startswith("sentinel") for line in self._lines) else []
        with (self._folder / "redis.log").open("ab") as log:
            command = [binary, str(configuration), *kind]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603
        deadline = time.monotonic() + _PATIENCE
        while self.ask("PING") != "+PONG":
            assert time.monotonic() < deadline, (self._folder / "redis.log").read_text()
            time.sleep(0.01)

    @property
    def data(self) -> Path:
        return self._data

    @property
    def written(self) -> Path:
        """The file to which each write is appended, before it is answered."""
        (file,) = (self._data / "appendonlydir").glob("*.incr.aof")
        return file

    def save(self) -> Path:
        """A copy of the data as it is now, for `restore`."""
        return Path(shutil.copytree(self._data, self._folder / "saved"))

    def restore(self, saved: Path) -> None:
        """Of a server that does not run: its data is what was saved, as where a replica without the tail takes over."""
        shutil.rmtree(self._data)
        saved.rename(self._data)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def ask(self, *words: str) -> str:
        """The first line of the answer to an inline command, empty where nobody answers."""
        return self.answer(*words).partition("\r\n")[0]

    def answer(self, *words: str) -> str:
        """The answer as it stands on the wire, empty where nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE) as connection:
                connection.sendall((" ".join(words) + "\r\n").encode())
                connection.shutdown(socket.SHUT_WR)
                with connection.makefile("rb") as answer:
                    return answer.read().decode()
        except OSError:
            return ""


@contextmanager
def redis_server(lines: Sequence[str] = (), **settings: str) -> Iterator[RedisServer]:
    """One that runs until the end of the block, and leaves nothing behind."""
    with TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder), lines, **settings)
        try:
            server.start()
            yield server
        finally:
            server.resume()
            server.kill()


@contextmanager
def redis_cluster(number: int = 3) -> Iterator[list[RedisServer]]:
    """So many nodes that share the slots among them."""
    buses = [free_port() for _ in range(number)]
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                redis_server(**{"cluster-enabled": "yes", "cluster-node-timeout": "1000", "cluster-port": str(bus)})
            )
            for bus in buses
        ]
        for index, node in enumerate(nodes):
            first, last = SLOTS * index // number, SLOTS * (index + 1) // number - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            node.ask("CLUSTER", "MEET", "127.0.0.1", str(nodes[0].port), str(buses[0]))
        deadline = time.monotonic() + _PATIENCE
        while not all(_knows_all(node, number) for node in nodes):
            assert time.monotonic() < deadline, nodes[0].answer("CLUSTER", "INFO")
            time.sleep(0.05)
        yield nodes


def _knows_all(node: RedisServer, number: int) -> bool:
    said = node.answer("CLUSTER", "INFO")
    return "cluster_state:ok" in said and f"cluster_known_nodes:{number}" in said


def _lines(settings: Mapping[str, str]) -> list[str]:
    return [f"{name} {value}" for name, value in settings.items()]


def free_port() -> int:
    """Below those that outgoing connections are given, so that none takes it while nobody listens there."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
