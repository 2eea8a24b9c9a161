"""What replicas of a service send each other and no log keeps: ephemeral events, presence, offsets delivered.

It goes by publish and subscribe. What is sent while the log cannot be reached is lost.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.core.engine.log_reader import AT_ONCE
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.base import LogError, SharedLog
from bodhisattva.servers.core.supervisor import cancelled, supervised

_PAUSE = 0.2
_PATIENCE = 0.5  # seconds to wait for replies, since a replica may just have died
_BACKLOG = 10_000  # messages that wait to be sent; more coalesce keys than there are connections
Members = list[dict[str, Any]]


# Tags and keys of the messages stay what they are, since replicas of two releases serve together during an upgrade.


class _EphemeralEvent(msgspec.Struct, frozen=True, tag="said"):
    """An ephemeral event, for the subscribers at every replica."""

    sender: str
    event: Event


class _PresenceQuery(msgspec.Struct, frozen=True, tag="asked", rename={"query": "question"}):
    """Asks each other replica for the members of a channel there."""

    sender: str
    query: str
    channel: str


class _DeliveredQuery(msgspec.Struct, frozen=True, tag="asked how far", rename={"query": "question"}):
    """Asks each other replica for the number of the last event that it has delivered."""

    sender: str
    query: str


class _Reply(msgspec.Struct, frozen=True, tag="answer", rename={"query": "question", "delivered": "told"}):
    """The reply to a query. delivered: the number of an event, None while the replica does not know it."""

    query: str
    members: Members = []
    delivered: int | None = None


class _SendQueue:
    """Messages to send, in order. Of events with one coalesce key only the newest waits, in place of the first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, _EphemeralEvent | _Reply] = OrderedDict()
        self._some = asyncio.Event()

    def put(self, message: _EphemeralEvent | _Reply) -> None:
        """Where the queue is full, the oldest message is dropped."""
        event = message.event if isinstance(message, _EphemeralEvent) else None
        key = None if event is None else event.coalesce_key
        place: Hashable = object() if event is None or key is None else (event.channels, key)
        if place not in self._waiting and len(self._waiting) >= _BACKLOG:
            self._waiting.popitem(last=False)
        self._waiting[place] = message
        self._some.set()

    async def get(self) -> _EphemeralEvent | _Reply:
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popitem(last=False)[1]


_decoder = msgspec.json.Decoder(_EphemeralEvent | _PresenceQuery | _DeliveredQuery | _Reply)


class ReplicaBus:
    """One replica's end of the bus.

    delivered: the number of the last event that was delivered here, None while it is not known.
    """

    def __init__(self, log: SharedLog, hub: Hub, delivered: Callable[[], int | None]) -> None:
        self._log = log
        self._hub = hub
        self._delivered = delivered
        self._replica = fresh_id()
        self._due = _SendQueue()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._queries: dict[str, asyncio.Queue[_Reply]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._subscribed = asyncio.Event()
        hub.relay = self.send_ephemeral

    async def start(self) -> None:
        """Begin; from when this returns, no message is missed."""
        loop = asyncio.get_running_loop()
        work, logger = {"bus sender": self._send, "bus receiver": self._receive}, structlog.get_logger()
        self._tasks = [loop.create_task(supervised(name, each, logger)) for name, each in work.items()]
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._subscribed.wait()

    async def stop(self) -> None:
        await cancelled(*self._tasks)

    def send_ephemeral(self, event: Event) -> None:
        self._due.put(_EphemeralEvent(self._replica, event))

    async def present(self, channel: str) -> Members:
        """The members of a channel at every replica; LogError if the others cannot be queried."""
        members = self._hub.present(channel)
        for reply in await self._query(_PresenceQuery(self._replica, fresh_id(), channel)):
            members += reply.members
        return members

    async def delivered(self, here: int) -> int:
        """The number up to which every replica has delivered; one that does not reply is not waited for."""
        replies = await self._query(_DeliveredQuery(self._replica, fresh_id()))
        return min([here, *(reply.delivered for reply in replies if reply.delivered is not None)])

    async def _query(self, query: _PresenceQuery | _DeliveredQuery) -> list[_Reply]:
        """The replies of the other replicas that come within the patience."""
        queue = self._queries[query.query] = asyncio.Queue()
        replies: list[_Reply] = []
        try:
            async with self._slots:
                receivers = await self._log.broadcast(msgspec.json.encode(query))
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    while len(replies) < receivers - 1:
                        replies.append(await queue.get())
        finally:
            del self._queries[query.query]
        return replies

    async def _send(self) -> None:
        while True:
            message = await self._due.get()
            with suppress(LogError):
                await self._log.broadcast(msgspec.json.encode(message))

    async def _receive(self) -> None:
        while True:
            with suppress(LogError):
                async for message in self._log.messages():
                    if message:
                        self._take(message)
                    else:
                        self._subscribed.set()
            await asyncio.sleep(_PAUSE)

    def _take(self, encoded: bytes) -> None:
        try:
            message = _decoder.decode(encoded)
        except msgspec.DecodeError as error:
            structlog.get_logger().warning("a replica's message cannot be decoded", error=str(error))
            return
        match message:
            case _EphemeralEvent(sender, event) if sender != self._replica:
                self._hub.deliver_ephemeral(event)
            case _PresenceQuery(sender, query, channel) if sender != self._replica:
                self._due.put(_Reply(query, members=self._hub.present(channel)))
            case _DeliveredQuery(sender, query) if sender != self._replica:
                self._due.put(_Reply(query, delivered=self._delivered()))
            case _Reply(query) if query in self._queries:
                self._queries[query].put_nowait(message)
