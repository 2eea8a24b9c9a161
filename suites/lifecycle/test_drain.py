"""What clients and balancers see while a service is on its way out (7)."""

import time

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import PATIENCE, eventually, units
from bodhisattva.fixtures.fixture_types import AllowTime, Connect, Fresh, Raw
from bodhisattva.fixtures.request_samples import Call, RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import HandshakeRefused
from bodhisattva.suites.degradation.stalled_reader import HIGH_MESSAGE_RATE, LARGE_SEND_BUFFER
from bodhisattva.suites.lifecycle.test_start_and_stop import GOING_AWAY, MARGIN
from bodhisattva.suites.protocol.event_series import perform

# A grace long enough to look around in it on a slow machine.
LINGERING = {"drain": 12, "drain_grace": 6}
# Questions that take longer together than a short grace, and commands between them.
SHORT_GRACE = 0.05
# Seconds in which they are answered on a machine that has much else to do; a drain may end without them at its limit.
UNHURRIED = 40
EARLIER = 500
IN_FLIGHT = 60


async def _draining(node: Node) -> None:
    async def unready() -> bool:
        return (await node.http("/ready")).status == 503

    await node.terminate()
    await eventually(unready, "/ready turns 503", PATIENCE)


@clause(
    "LIFECYCLE-004",
    level="MUST",
    section="7",
    feature="drain",
    profile="operable",
    text="While a service drains, /ready is 503 and /health still 200.",
)
async def test_ready_is_503_while_draining(fresh: Fresh) -> None:
    node = await fresh(timeouts=LINGERING)
    await _draining(node)
    assert (await node.http("/health")).status == 200
    assert (await node.http("/ready")).status == 503


@clause(
    "LIFECYCLE-005",
    level="MUST",
    section="7",
    feature="drain",
    profile="operable",
    text="A service that drains takes no new connection, and goes on answering those that it has.",
)
async def test_no_new_connection_while_draining(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(timeouts=LINGERING)
    client = await connect(node)
    await _draining(node)
    with pytest.raises((HandshakeRefused, OSError)):
        await connect(node)
    await client.answer(*sample.command())
    sample.readback().check(await client.answer(*sample.readback().call))


@clause(
    "LIFECYCLE-006",
    level="MUST",
    section="7",
    feature="drain",
    profile="operable",
    text="Before it closes a connection, a service that drains sends server.draining with a reconnect_after that "
    "differs from client to client.",
)
async def test_draining_is_announced_with_jitter(fresh: Fresh, connect: Connect) -> None:
    node = await fresh(timeouts={"reconnect_spread": 3})
    clients = [await connect(node) for _ in range(6)]
    await node.terminate()
    pauses = []
    for client in clients:
        notice = await client.event("server.draining")
        assert notice.room is None
        pauses.append(notice.data["reconnect_after"])
        assert (await client.closed(PATIENCE + MARGIN)).code == GOING_AWAY
    assert all(0 <= pause <= 3 for pause in pauses), f"outside of the spread: {pauses}"
    assert len(set(pauses)) > 1, f"every client is to come back at the same time: {pauses}"


@clause(
    "LIFECYCLE-007",
    level="MUST",
    section="7",
    feature="drain",
    profile="operable",
    text="Requests in flight at SIGTERM are each answered once before the connection closes with 1001.",
)
async def test_requests_in_flight_are_answered(
    fresh: Fresh, connect: Connect, sample: RequestSamples, allow_time: AllowTime
) -> None:
    allow_time(UNHURRIED)
    node = await fresh(
        limits=HIGH_MESSAGE_RATE | {"queue_bytes": LARGE_SEND_BUFFER},
        timeouts={"drain": UNHURRIED, "drain_grace": SHORT_GRACE},
    )
    client = await connect(node)
    series = sample.sequence(count=EARLIER + IN_FLIGHT)
    await perform(client, series.setup)
    await perform(client, series.calls[:EARLIER])
    question = Call("history", {"channel": series.channel, "limit": 1000})
    calls = [call for command in series.calls[EARLIER:] for call in (question, command)]
    await node.pause()
    for number, (event, data) in enumerate(calls):
        await client.send({"type": "request", "id": f"in flight {number}", "event": event, "data": data})
    await node.resume()
    await node.terminate()
    assert (await client.closed(UNHURRIED + MARGIN)).code == GOING_AWAY
    answers = [frame for frame in client.inbox if str(frame.correlation_id).startswith("in flight")]
    assert len(answers) == len(calls), f"{len(answers)} of {len(calls)} requests in flight were answered"
    assert {answer.error_code for answer in answers} == {None}, "some were refused"
    assert {answer.correlation_id for answer in answers} == {f"in flight {n}" for n in range(len(calls))}
    assert await node.exited() == 0


@clause(
    "LIFECYCLE-008",
    level="MUST",
    section="7",
    feature="drain",
    profile="operable",
    text="A second SIGTERM ends the service at once, however long the drain would have been.",
)
async def test_second_sigterm_stops_at_once(fresh: Fresh, connect: Connect) -> None:
    node = await fresh(timeouts={"drain": 120, "drain_grace": 60})
    client = await connect(node)
    await _draining(node)
    assert await node.running()
    assert client.ended is None
    await node.terminate()
    await node.exited(PATIENCE + MARGIN)
    await client.closed()


@clause(
    "LIFECYCLE-009",
    level="MUST",
    section="7",
    feature="drain",
    profile="operable",
    text="Clients that neither answer a close nor finish a request do not hold up the drain beyond its timeout.",
)
async def test_silent_clients_do_not_hold_up_the_drain(fresh: Fresh, raw: Raw, allow_time: AllowTime) -> None:
    node = await fresh()
    bound = (await node.limits())["drain_timeout"]
    allow_time(bound)
    silent = await raw(node)
    await silent.authenticate(node.tokens.usual(node.service))
    await raw(node)
    half = await raw(node, upgrade=False)
    await half.send(b"GET /health HTTP/1.1\r\nHost: local")
    begun = time.monotonic()
    await node.terminate()
    assert await node.exited(bound + MARGIN) == 0
    assert time.monotonic() - begun < bound + units(MARGIN)
    assert (await silent.closed()).code == GOING_AWAY
