"""A Redis of a test's own, on a free port of loopback, with a folder of its own; it can be killed and started again."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bodhisattva.fixtures.stack import redis
from bodhisattva.fixtures.stack.ports import free_port
from bodhisattva.fixtures.stack.process import HOST, ChildControls
from bodhisattva.fixtures.stack.redis import Redis
from bodhisattva.fixtures.tokens import Tokens, new_secret

_PATIENCE = 10.0
SLOTS = 16384


class RedisServer:
    """The suite's Redis for tests that call it from threads and loops alike. Its arguments: see `redis.prepare`."""

    def __init__(self, folder: Path, lines: Sequence[str] = (), **settings: str) -> None:
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        command = [redis.binary(), redis.prepare(folder, self.port, HOST, lines, **settings)]
        if any(line.startswith("sentinel") for line in lines):
            command.append("--sentinel")
        self._controls = ChildControls(command, folder)
        self._node = Redis("redis", self.url, Tokens(new_secret()), self._controls, folder=folder)
        self.start, self.request, self.answer = self._node.start_now, self._node.execute, self._node.answer
        self.kill, self.pause, self.resume = self._controls.kill, self._controls.pause, self._controls.resume
        self.save, self.restore = self._node.back_up, self._node.restore

    @property
    def data(self) -> Path:
        return self._node.data

    @property
    def written(self) -> Path:
        """The file to which each write is appended, before it is answered."""
        (file,) = (self.data / "appendonlydir").glob("*.incr.aof")
        return file


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
            node.request("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            node.request("CLUSTER", "MEET", HOST, str(nodes[0].port), str(buses[0]))
        deadline = time.monotonic() + _PATIENCE
        while not all(_knows_all(node, number) for node in nodes):
            assert time.monotonic() < deadline, nodes[0].answer("CLUSTER", "INFO")
            time.sleep(0.05)
        yield nodes


def _knows_all(node: RedisServer, number: int) -> bool:
    output = node.answer("CLUSTER", "INFO")
    return "cluster_state:ok" in output and f"cluster_known_nodes:{number}" in output
