"""Two replicas of a service behind a balancer are judged as one service: a connection may be at either of them."""

import itertools
import json
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
import yaml

from bodhisattva.fixtures.stack.kinds import REDIS
from bodhisattva.fixtures.stack.process import ProcessStack
from bodhisattva.suites.meta.mutant_run import run_suite

pytestmark = pytest.mark.deploy

SERVICE = "mahavishnu"
# They wait for the effect of one connection at another.
JUDGED = ("PROTOCOL-034", "PROTOCOL-035", "PROTOCOL-044", "PROTOCOL-045", "PROTOCOL-046", "PROTOCOL-049")
METRICS = ("PROTOCOL-073", "PROTOCOL-077")
FILES = tuple(f"suites/protocol/test_{name}.py" for name in ("requests", "channels", "http", "claims"))


class Balancer(socketserver.ThreadingTCPServer):
    """Sends one connection after the other to each of these ports in turn."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__(("127.0.0.1", 0), Link)
        self.turns = itertools.cycle(ports)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])


class Link(socketserver.BaseRequestHandler):
    server: Balancer  # pyright: ignore[reportIncompatibleVariableOverride]

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", next(self.server.turns))) as there:
            back = threading.Thread(target=carry, args=(there, self.request))
            back.start()
            carry(self.request, there)
            back.join()


def carry(source: socket.socket, sink: socket.socket) -> None:
    """Bytes, until either side ends."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def balanced(ports: Sequence[int]) -> Iterator[int]:
    """The port of a running balancer."""
    with Balancer(ports) as balancer:
        threading.Thread(target=balancer.serve_forever).start()
        try:
            yield balancer.port
        finally:
            balancer.shutdown()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Outcomes of a run on such a target, by clause."""
    folder = tmp_path_factory.mktemp("target")
    stack = ProcessStack(tmp_path_factory.mktemp("fleet"), log=REDIS)
    try:
        stack.start([SERVICE])
        one, other = stack[SERVICE], stack.replica(SERVICE)
        assert one.ca is not None
        (folder / "ca.pem").write_bytes(one.ca)
        (folder / "secret").write_text(stack.tokens.secret)
        with balanced([one.port, other.port]) as port:
            target = {
                "credentials": {"secret_file": "secret"},
                "ca": "ca.pem",
                "services": {SERVICE: {"url": f"wss://127.0.0.1:{port}/ws", "balanced": True}},
                "allow": ["write"],
            }
            (folder / "target.yaml").write_text(yaml.safe_dump(target))
            run_suite(folder / "out", *FILES, "--target", str(folder / "target.yaml"), stack="external")
    finally:
        stack.close()
    found: dict[str, set[str]] = {}
    for row in map(json.loads, (folder / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()):
        found.setdefault(row["clause"], set()).add(row["outcome"])
    return found


def test_effects_at_another_replica_are_waited_for(outcomes: dict[str, set[str]]) -> None:
    assert set.union(*(outcomes[clause] for clause in JUDGED)) == {"passed"}
    assert not [clause for clause, found in outcomes.items() if "failed" in found]


def test_metrics_of_one_replica_do_not_stand_for_all(outcomes: dict[str, set[str]]) -> None:
    assert set.union(*(outcomes[clause] for clause in METRICS)) == {"unknown"}
