"""The loads. Each takes a running subject and returns its figures by name, in seconds, bytes or per second."""

import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bodhisattva.chaos.bench.connection import Connection
from bodhisattva.chaos.bench.generator import check_sequence, read_responses
from bodhisattva.chaos.bench.receivers import Receivers
from bodhisattva.chaos.bench.sizes import Size
from bodhisattva.chaos.bench.subjects import Running

Measures = dict[str, float]
_WARM_UP = 20
_WARM_UP_CONNECTIONS = 100
IN_FLIGHT = (1, 8, 64)


def fan_out(server: Running, size: Size) -> Measures:
    """Events to all receivers, one at a time and in bursts.

    The same events without a receiver, measured before, give the cost of the event itself.
    """
    (publisher,) = server.connect(1)
    _emit(server, publisher, None, [1] * _WARM_UP)
    one, burst = [1] * size.events, [size.burst] * size.bursts
    without = {"one": _emit(server, publisher, None, one), "burst": _emit(server, publisher, None, burst)}
    with _receivers(server, size.receivers) as receivers:
        _emit(server, publisher, receivers, [1])
        server.generator.calibrate(receivers.bytes_received)
        _emit(server, publisher, receivers, [1] * _WARM_UP + [size.burst])
        before = receivers.bytes_received
        to_all = {"one": _emit(server, publisher, receivers, one), "burst": _emit(server, publisher, receivers, burst)}
        events = size.events + size.burst * size.bursts
        check_sequence(receivers.events())
        measures = {"bytes": (receivers.bytes_received - before) / events}
    publisher.close()
    for name, batches in (("one", one), ("burst", burst)):
        deliveries = sum(batches) * size.receivers
        measures[name] = to_all[name] / deliveries
        measures[f"{name}, net"] = (to_all[name] - without[name]) / deliveries
        measures[f"{name}, per event"] = without[name] / sum(batches)
    return measures


def _emit(server: Running, publisher: Connection, receivers: Receivers | None, batches: list[int]) -> float:
    """Make batches of so many events, each once the one before has arrived everywhere. CPU seconds of the server."""
    before = server.process.cpu()
    for events in batches:
        requests = server.generator.emit(events)
        publisher.send(*requests)
        if receivers is not None:
            receivers.receive_until(receivers.events_received + events)
        read_responses(publisher, len(requests))
    return server.process.cpu() - before


@contextmanager
def _receivers(server: Running, count: int) -> Iterator[Receivers]:
    connections = server.connect(count)
    server.generator.subscribe(connections)
    receivers = Receivers(connections)
    try:
        yield receivers
    finally:
        receivers.close()
        for connection in connections:
            connection.close()


def request(server: Running, size: Size) -> Measures:
    """Queries of one client: each after the last one's response, and pipelined."""
    (connection,) = server.connect(1)
    server.generator.prepare_query(connection)
    _query(server, connection, 1, _WARM_UP * 10)
    rounds = max(1, size.requests // size.window)
    measures = {
        "one": _query(server, connection, 1, size.requests) / size.requests,
        "pipelined": _query(server, connection, size.window, rounds) / (size.window * rounds),
    }
    connection.close()
    return measures


def _query(server: Running, connection: Connection, window: int, rounds: int) -> float:
    """`window` queries in one write, so many rounds. CPU seconds of the server."""
    before = server.process.cpu()
    for _ in range(rounds):
        connection.send(*(server.generator.query() for _ in range(window)))
        read_responses(connection, window)
    return server.process.cpu() - before


def durable(server: Running, size: Size) -> Measures:
    """Durable commands a second, in a closed loop: each client sends the next once the last has its response."""
    measures: Measures = {}
    for clients in IN_FLIGHT:
        connections = {connection.socket.fileno(): connection for connection in server.connect(clients)}
        before, started = server.process.cpu(), time.perf_counter()
        responses = _closed_loop(server, connections, size.seconds)
        measures[f"{clients} in flight"] = responses / (time.perf_counter() - started)
        measures[f"{clients} in flight, CPU"] = (server.process.cpu() - before) / responses
        for connection in connections.values():
            connection.close()
    return measures


def _closed_loop(server: Running, connections: Mapping[int, Connection], seconds: float) -> int:
    """The number of responses."""
    poll = select.epoll()
    for number, connection in connections.items():
        poll.register(number, select.EPOLLIN)
        connection.send(server.generator.command(number))
    responses, waiting, end = 0, set(connections), time.perf_counter() + seconds
    while waiting:
        for number, _ in poll.poll():
            read_responses(connections[number], 1)
            responses += 1
            if time.perf_counter() < end:
                connections[number].send(server.generator.command(number))
            else:
                waiting.discard(number)
    poll.close()
    return responses


def memory(server: Running, size: Size) -> Measures:
    """Resident memory of an idle connection, measured after a warm-up of some connections."""
    idle = server.process.memory()
    connections = server.connect(min(_WARM_UP_CONNECTIONS, size.connections))
    before = server.process.memory()
    connections += server.connect(size.connections)
    after = server.process.memory()
    for connection in connections:
        connection.close()
    return {"connection": (after - before) / size.connections, "idle process": float(idle)}
