"""The cases of the earlier round about clients and services that go on when something fails."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect, Fresh, Raw
from bodhisattva.fixtures.frames import Opcode, encode
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import HandshakeRefused, WireClient
from bodhisattva.suites.performance.many_connections import assert_received_whole
from bodhisattva.suites.protocol.event_series import assert_contiguous, perform, receive_series, series_numbers
from bodhisattva.suites.upgrade.event_history import read_history

CLIENTS = 8
EACH = 5
BOUND = 15.0
"""Units within which a client learns that its service has gone."""


class TestGracefulDegradation:
    @clause(
        "DEGRADATION-001",
        level="MUST",
        section="1.2",
        feature="deduplication",
        profile="durable",
        text="A client whose service is killed sees its connection end, and gets none while the service is down; once "
        "it is up, the command that was never answered is done under its id, once.",
        baseline="TestGracefulDegradation::client_handles_connection_failure",
    )
    async def test_client_handles_connection_failure(
        self, fresh: Fresh, connect: Connect, sample: RequestSamples
    ) -> None:
        node = await fresh()
        client = await connect(node)
        await client.answer(*sample.command(1))
        event, data = sample.command(2)
        await client.send({"type": "request", "id": sample.key("unanswered"), "event": event, "data": data})
        await node.kill()
        await client.closed(BOUND)
        with pytest.raises((OSError, HandshakeRefused)):
            await connect(node)
        await node.start()
        client = await connect(node)
        await client.answer(event, data, id=sample.key("unanswered"))
        recorded = await read_history(client, "global")
        for n in (1, 2):
            sample.readback(n).check(await client.answer(*sample.readback(n).call))
            assert [e["event"] for e in recorded if sample.concerns(_shown(e), n)] == list(sample.records)

    @clause(
        "DEGRADATION-002",
        level="MUST",
        section="5",
        feature="resume",
        profile="durable",
        text="Clients that come back all together after a restart are let in with the tokens that they had, and each "
        "resumes where it was: nothing missing, nothing twice.",
        baseline="TestGracefulDegradation::client_reconnects_after_server_restart",
    )
    async def test_client_reconnects_after_server_restart(
        self, fresh: Fresh, connect: Connect, sample: RequestSamples
    ) -> None:
        node = await fresh()
        token = node.tokens.usual(node.service)
        writer, *readers = [await connect(node, token=token) for _ in range(1 + CLIENTS)]
        series = sample.sequence(count=(CLIENTS + 2) * EACH)
        calls = iter(series.calls)
        await perform(writer, series.setup)
        joined = [(await reader.subscribe(series.channel)).data for reader in readers][-1]
        received: list[list[Envelope]] = []
        for n, reader in enumerate(readers, start=1):  # each has more events than the one before when its line is cut
            await perform(writer, [next(calls) for _ in range(EACH)])
            received.append(await receive_series(reader, series, sample, n * EACH))
            await reader.abort()
        await perform(writer, [next(calls) for _ in range(EACH)])
        await node.restart()
        writer, *back = await asyncio.gather(*(connect(node, token=token) for _ in range(1 + CLIENTS)))
        last = [{"epoch": own[-1].epoch, "offset": own[-1].offset} for own in received]
        resumed = await asyncio.gather(
            *(reader.subscribe(series.channel, since) for reader, since in zip(back, last, strict=True))
        )
        assert all(answer.data["recovered"] is True for answer in resumed)
        await perform(writer, list(calls))
        for reader, own in zip(back, received, strict=True):
            own += await receive_series(
                reader, series, sample, len(series.calls) - len(series_numbers(own, series, sample))
            )
            assert series_numbers(own, series, sample) == list(range(len(series.calls)))
            assert_contiguous(own, joined["offset"])
            assert len({event.id for event in own}) == len(own), "an event came twice"
            assert not [event for event in await reader.fence() if event.room == series.channel]

    @clause(
        "DEGRADATION-003",
        level="MUST",
        section="2.5",
        feature="core",
        profile="core",
        text="While other connections fail in every phase, from TCP to the midst of a frame, those that do not are "
        "answered and get every event, new ones are let in, and the service stays ready.",
        baseline="TestGracefulDegradation::service_continues_with_some_connection_failures",
    )
    async def test_service_continues_with_some_connection_failures(
        self, connect: Connect, node: Node, raw: Raw, sample: RequestSamples
    ) -> None:
        failures = Failures(connect, node, raw, sample.channel())
        clients = [await connect() for _ in range(CLIENTS)]
        series = sample.sequence(count=CLIENTS * len(failures.all))
        await perform(clients[0], series.setup)
        joined = [(await client.subscribe(series.channel)).data for client in clients]
        calls = iter(series.calls)
        for fail in failures.all:
            failing = asyncio.gather(*(fail() for _ in range(3)))
            for client in clients:
                await client.answer(*next(calls))
            await failing
            assert (await node.http("/ready")).status == 200
        for client, position in zip(clients, joined, strict=True):
            await assert_received_whole(client, series, sample, len(series.calls), after=position)
        newcomer = await connect()
        await newcomer.answer(*sample.command("newcomer"))


class Failures:
    """Ways in which a connection can come to nothing, each a coroutine function; `all` in the order of its life."""

    def __init__(self, connect: Connect, node: Node, raw: Raw, channel: str) -> None:
        self.all: tuple[Callable[[], Awaitable[None]], ...] = (
            self.silent,
            self.no_upgrade,
            self.no_token,
            self.bad_token,
            self.subscribed,
            self.in_a_frame,
        )
        self._connect = connect
        self._node = node
        self._raw = raw
        self._channel = channel

    async def silent(self) -> None:
        """TCP, and not a byte; with TLS, not even its greeting."""
        await (await self._raw(upgrade=False, trust=None)).abort()

    async def no_upgrade(self) -> None:
        peer = await self._raw(upgrade=False)
        await peer.send(b"GET /ws HTTP/1.1\r\nHost: loc")
        await peer.abort()

    async def no_token(self) -> None:
        await (await self._raw()).abort()

    async def bad_token(self) -> None:
        client = await self._connect(authenticate=False)
        await client.refusal("auth", {"token": self._node.tokens.wrong_secret()})
        await client.closed()

    async def subscribed(self) -> None:
        client: WireClient = await self._connect()
        await client.subscribe(self._channel)
        await client.abort()

    async def in_a_frame(self) -> None:
        peer = await self._raw()
        await peer.authenticate(self._node.tokens.usual(self._node.service))
        await peer.send(encode(Opcode.TEXT, b'{"type": "request"', length=500))
        await peer.abort()


def _shown(event: dict[str, object]) -> Envelope:
    """A remembered event as an envelope, for `concerns`."""
    return Envelope(event, str(event), 0)
