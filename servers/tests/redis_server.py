"""A Redis of a test's own, on a free port of loopback, with a folder of its own; it can be killed and started again."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HOW = "there is no redis-server, which this test needs: ./ci/redis installs Debian's"
_PATIENCE = 10.0


class RedisServer:
    """A redis-server process that flushes each write to the disk; `settings` are of its configuration file."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._settings = {"appendonly": "yes", "appendfsync": "always", "save": ""} | settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers; the data of an earlier run is there again."""
        binary = shutil.which("redis-server")
        if binary is None:
            pytest.fail(HOW)
        fixed = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self._folder), "daemonize": "no"}
        words = [word for name, value in (fixed | self._settings).items() for word in (f"--{name}", value)]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([binary, *words], stdout=log, stderr=log)  # noqa: S603
        deadline = time.monotonic() + _PATIENCE
        while self.ask("PING") != "+PONG":
            assert time.monotonic() < deadline, (self._folder / "redis.log").read_text()
            time.sleep(0.01)

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
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE) as connection:
                connection.sendall((" ".join(words) + "\r\n").encode())
                with connection.makefile("rb") as answer:
                    return answer.readline().decode().strip()
        except OSError:
            return ""


@contextmanager
def redis_server(**settings: str) -> Iterator[RedisServer]:
    """One that runs until the end of the block, and leaves nothing behind."""
    with TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder), **settings)
        try:
            server.start()
            yield server
        finally:
            server.resume()
            server.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
