"""A server under load as the kernel sees it: started, measured from outside, ended."""

import os
import resource
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bodhisattva.chaos.bench.connection import HOST, LoadError

_START = 120.0  # the published server imports much, and for the first time it is compiled
_POLL = 0.02
_SETTLED = 5  # readings of the memory that have to be the same
_READING = 0.2
_SETTLING = 10.0
_PAGE = os.sysconf("SC_PAGE_SIZE")
_CPU_OF_PROCESS = 2


@dataclass(frozen=True)
class Process:
    """A server's process."""

    pid: int
    port: int

    def cpu(self) -> float:
        """Seconds of processor time that all its threads have had, as the scheduler counts: clock_getcpuclockid(3)."""
        return time.clock_gettime(~self.pid << 3 | _CPU_OF_PROCESS)

    def memory(self) -> int:
        """Bytes that it holds in memory (RSS), once that has settled."""
        deadline = time.monotonic() + _SETTLING
        readings = [self._resident()]
        while (time.monotonic() < deadline and len({*readings[-_SETTLED:]}) > 1) or len(readings) < _SETTLED:
            time.sleep(_READING)
            readings.append(self._resident())
        return readings[-1]

    def _resident(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE


@contextmanager
def process(command: Sequence[str], port: int, folder: Path, environment: Mapping[str, str]) -> Iterator[Process]:
    """Start a command, wait until it listens, and end it with the block; what it prints is in `folder`."""
    output = folder / "output.txt"
    with output.open("wb") as log:
        running = subprocess.Popen(  # noqa: S603 - the command is our own
            command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _await_listening(running, port, output)
        yield Process(running.pid, port)
        if running.poll() is not None:
            raise LoadError(f"the server ended under load: {_last_line(output)}")
    finally:
        running.kill()
        running.wait()


def allow_descriptors(count: int) -> None:
    """Let this process, and what it starts, have so many open files; LoadError if the machine does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    if hard < count:
        raise LoadError(f"{count} open files are needed and {hard} are allowed (ulimit -Hn); take fewer connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _await_listening(running: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if running.poll() is not None:
            raise LoadError(f"the server ended with exit code {running.returncode}: {_last_line(output)}")
        try:
            socket.create_connection((HOST, port)).close()
        except OSError:
            time.sleep(_POLL)
        else:
            return
    raise LoadError(f"nothing listens on port {port} after {_START:g} s: {_last_line(output)}")


def _last_line(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it printed nothing"
