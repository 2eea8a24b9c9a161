"""Subscriptions and presence: each event is encoded and framed once per channel, and pushed without awaiting a peer."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sized
from typing import Any, Protocol, TypeVar

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.delivery.event_frames import numbered
from bodhisattva.servers.core.delivery.outbox import Outbox
from bodhisattva.servers.core.delivery.write_batch import WriteBatch
from bodhisattva.servers.core.domain import Event, Join, Leave
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.core.transport import frames

K = TypeVar("K")
V = TypeVar("V")


class Receiver(Protocol):
    """A connection, as the hub uses it."""

    connection_id: str
    outbox: Outbox

    @property
    def user_id(self) -> str: ...


class Hub:
    """Subscriptions and presence of one service.

    relay: publishes an ephemeral event to the other replicas of the service.
    """

    def __init__(self, service: Service, metrics: Metrics, batch: WriteBatch) -> None:
        self.epoch = ""
        self.relay: Callable[[Event], None] | None = None
        self._service = service
        self._metrics = metrics
        self._batch = batch
        self._connections: dict[str, Receiver] = {}
        self._receivers: dict[str, dict[Outbox, Receiver]] = {}
        self._members: dict[str, dict[Receiver, dict[str, Any]]] = defaultdict(dict)
        self._joined: dict[Receiver, dict[str, dict[str, Any]]] = defaultdict(dict)
        metrics.gauge("websocket_channels_current", "Channels with a subscriber.", lambda: len(self._receivers))
        metrics.gauge("websocket_subscriptions_current", "Subscriptions.", lambda: _entries(self._receivers))
        metrics.gauge("websocket_members_current", "Members of channels.", lambda: _entries(self._members))

    def subscribe(self, channel: str, receiver: Receiver) -> None:
        self._batch.split()
        self._receivers.setdefault(channel, {})[receiver.outbox] = receiver

    def unsubscribe(self, channel: str, receiver: Receiver) -> None:
        self._batch.split()
        receivers = self._receivers.get(channel, {})
        receivers.pop(receiver.outbox, None)
        if not receivers:
            self._receivers.pop(channel, None)

    def publish(self, event: StoredEvent) -> None:
        """Send a durable event to the subscribers of its channels and of `global`."""
        started = time.perf_counter()
        for channel, offset in (*event.channels, (GLOBAL, event.seq)):
            if channel in self._receivers:
                self._push(channel, numbered(event, channel, offset, self.epoch))
        self._metrics.broadcast_duration.observe(time.perf_counter() - started)

    def publish_ephemeral(self, event: Event) -> None:
        """Send an ephemeral event to its subscribers at all replicas: it has no offset, and is not kept."""
        self.deliver_ephemeral(event)
        if self.relay is not None:
            self.relay(event)

    def deliver_ephemeral(self, event: Event) -> None:
        """Send an ephemeral event to its subscribers at this replica."""
        for channel in event.channels:
            if channel not in self._receivers:
                continue
            frame = frames.text(envelope.event(event.name, event.data, room=channel))
            if event.coalesce_key is None:
                self._push(channel, frame)
            else:
                self._coalesce(channel, event.coalesce_key, frame)

    def connected(self, connection_id: str) -> bool:
        return connection_id in self._connections

    def add(self, receiver: Receiver) -> None:
        self._connections[receiver.connection_id] = receiver

    def change_membership(self, connection_id: str, change: Join | Leave) -> None:
        """Join or leave; nothing if the connection has ended meanwhile."""
        receiver = self._connections.get(connection_id)
        if receiver is None:
            return
        if isinstance(change, Leave):
            self._leave(change.channel, receiver)
        else:
            self._members[change.channel][receiver] = change.info
            self._joined[receiver][change.channel] = change.info

    def _leave(self, channel: str, receiver: Receiver) -> None:
        _discard(self._members, channel, receiver)
        _discard(self._joined, receiver, channel)

    def membership(self, receiver: Receiver) -> dict[str, dict[str, Any]]:
        """The channels that a connection joined, each with the info it gave."""
        return dict(self._joined.get(receiver, {}))

    def present(self, channel: str) -> list[dict[str, Any]]:
        """Members with their info, then connections that only subscribe."""
        members = self._members.get(channel, {})
        subscribers = [r for r in self._receivers.get(channel, {}).values() if r not in members]
        present = [*members.items(), *((subscriber, {}) for subscriber in subscribers)]
        return [
            {**info, "connection_id": receiver.connection_id, "user_id": receiver.user_id} for receiver, info in present
        ]

    def remove(self, receiver: Receiver) -> None:
        """A connection has unsubscribed and ended: announce it where it was a member."""
        self._connections.pop(receiver.connection_id, None)
        for channel, info in self.membership(receiver).items():
            self._leave(channel, receiver)
            if self._service.parted is not None:
                self.publish_ephemeral(self._service.parted(channel, info))

    def _push(self, channel: str, frame: bytes) -> None:
        receivers = self._receivers[channel]
        self._batch.broadcast(receivers, frame)
        self._metrics.delivered(self._service.channel_kind(channel).label, len(receivers))

    def _coalesce(self, channel: str, key: str, frame: bytes) -> None:
        receivers = self._receivers[channel]
        for outbox in receivers:
            outbox.coalesce((channel, key), frame)
        self._metrics.delivered(self._service.channel_kind(channel).label, len(receivers))


def _entries(table: Mapping[str, Sized]) -> int:
    return sum(map(len, table.values()))


def _discard(table: dict[K, dict[V, Any]], key: K, inner: V) -> None:
    entries = table.get(key, {})
    entries.pop(inner, None)
    if not entries:
        table.pop(key, None)
