"""The loads. Each takes a running subject and returns what it measured, by figure, in seconds, bytes or per second."""

import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bodhisattva.servers.bench import talk
from bodhisattva.servers.bench.receivers import Receivers
from bodhisattva.servers.bench.sizes import Size
from bodhisattva.servers.bench.subjects import Running
from bodhisattva.servers.bench.wire import Line

Measures = dict[str, float]
_WARM_UP = 20
_WARM_CONNECTIONS = 100
IN_FLIGHT = (1, 8, 64)


def fan_out(server: Running, size: Size) -> Measures:
    """Events to all receivers, one at a time and in bursts; the same to nobody shows what an event costs by itself."""
    (commander,) = server.lines(1)
    _emit(server, commander, None, [1] * _WARM_UP)
    one, burst = [1] * size.events, [size.burst] * size.bursts
    alone = {"one": _emit(server, commander, None, one), "burst": _emit(server, commander, None, burst)}
    with _receivers(server, size.receivers) as receivers:
        _emit(server, commander, receivers, [1])
        server.talk.fit(receivers.size)
        _emit(server, commander, receivers, [1] * _WARM_UP + [size.burst])
        before = receivers.size
        to_all = {"one": _emit(server, commander, receivers, one), "burst": _emit(server, commander, receivers, burst)}
        events = size.events + size.burst * size.bursts
        talk.in_order(receivers.events())
        measures = {"bytes": (receivers.size - before) / events}
    commander.close()
    for name, times in (("one", one), ("burst", burst)):
        deliveries = sum(times) * size.receivers
        measures[name] = to_all[name] / deliveries
        measures[f"{name}, net"] = (to_all[name] - alone[name]) / deliveries
        measures[f"{name}, per event"] = alone[name] / sum(times)
    return measures


def _emit(server: Running, commander: Line, receivers: Receivers | None, times: list[int]) -> float:
    """Have so many events made at each time; the next time comes when all have arrived. Server seconds."""
    before = server.process.cpu()
    for events in times:
        requests = server.talk.emit(events)
        commander.send(*requests)
        if receivers is not None:
            receivers.take(receivers.had + events)
        talk.answered(commander, len(requests))
    return server.process.cpu() - before


@contextmanager
def _receivers(server: Running, count: int) -> Iterator[Receivers]:
    lines = server.lines(count)
    server.talk.subscribe(lines)
    receivers = Receivers(lines)
    try:
        yield receivers
    finally:
        receivers.close()
        for line in lines:
            line.close()


def request(server: Running, size: Size) -> Measures:
    """One client's questions, each after the last one's answer, and many under way at once."""
    (line,) = server.lines(1)
    server.talk.prepare(line)
    _ask(server, line, 1, _WARM_UP * 10)
    rounds = max(1, size.requests // size.window)
    measures = {
        "one": _ask(server, line, 1, size.requests) / size.requests,
        "pipelined": _ask(server, line, size.window, rounds) / (size.window * rounds),
    }
    line.close()
    return measures


def _ask(server: Running, line: Line, window: int, times: int) -> float:
    before = server.process.cpu()
    for _ in range(times):
        line.send(*(server.talk.question() for _ in range(window)))
        talk.answered(line, window)
    return server.process.cpu() - before


def durable(server: Running, size: Size) -> Measures:
    """Durable commands a second of clients that each send the next one when the last one is answered."""
    measures: Measures = {}
    for clients in IN_FLIGHT:
        lines = {line.socket.fileno(): line for line in server.lines(clients)}
        before, started = server.process.cpu(), time.perf_counter()
        answered = _command(server, lines, size.seconds)
        measures[f"{clients} in flight"] = answered / (time.perf_counter() - started)
        measures[f"{clients} in flight, CPU"] = (server.process.cpu() - before) / answered
        for line in lines.values():
            line.close()
    return measures


def _command(server: Running, lines: Mapping[int, Line], seconds: float) -> int:
    """How many commands were answered."""
    poll = select.epoll()
    for number, line in lines.items():
        poll.register(number, select.EPOLLIN)
        line.send(server.talk.command(number))
    answered, waiting, end = 0, set(lines), time.perf_counter() + seconds
    while waiting:
        for number, _ in poll.poll():
            talk.answered(lines[number], 1)
            answered += 1
            if time.perf_counter() < end:
                lines[number].send(server.talk.command(number))
            else:
                waiting.discard(number)
    poll.close()
    return answered


def memory(server: Running, size: Size) -> Measures:
    """What idle connections take, after some have made the process load what it needs for the first."""
    idle = server.process.memory()
    lines = server.lines(min(_WARM_CONNECTIONS, size.connections))
    before = server.process.memory()
    lines += server.lines(size.connections)
    after = server.process.memory()
    for line in lines:
        line.close()
    return {"connection": (after - before) / size.connections, "idle process": float(idle)}
