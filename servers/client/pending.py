"""Requests in flight, and the answer or the error that each of them gets."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bodhisattva.servers.client.errors import ConnectionLost, MalformedAnswer
from bodhisattva.servers.client.wire import Envelope

ABNORMAL_CLOSURE = 1006
_MESSAGE_TOO_BIG = 1009

Answer = dict[str, Any]
OnAnswer = Callable[[Answer], None]
Result = Envelope | ConnectionLost | MalformedAnswer


@dataclass(eq=False)
class PendingRequest:
    """text: as sent. on_answer: called with the data of a success, before any later message is read."""

    text: str
    on_answer: OnAnswer | None
    result: asyncio.Future[Result] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def resolve(self, envelope: Envelope) -> None:
        if self.result.done():
            return
        try:
            if self.on_answer is not None and envelope.type != "error":
                self.on_answer(envelope.data or {})
        except MalformedAnswer as malformed:
            self.result.set_result(malformed)
        else:
            self.result.set_result(envelope)


class PendingRequests:
    """The requests of one connection, by id."""

    def __init__(self) -> None:
        self._pending: dict[str, PendingRequest] = {}
        self._abandoned: set[str] = set()  # ids of requests whose caller stopped waiting before the answer came

    @contextmanager
    def waiting(self, request_id: str, text: str, on_answer: OnAnswer | None) -> Iterator[PendingRequest]:
        """A request from before it is sent until its caller stops waiting; ValueError if the id is in use."""
        if request_id in self._pending:
            raise ValueError(f"a request with the id {request_id} is already waiting for its answer")
        pending = self._pending[request_id] = PendingRequest(text, on_answer)
        try:
            yield pending
        finally:
            del self._pending[request_id]
            if not pending.result.done() or pending.result.cancelled():
                self._abandoned.add(request_id)

    def resolve(self, envelope: Envelope) -> bool:
        """Resolve the request that the envelope answers; False if it answers none of this connection's."""
        request_id = envelope.correlation_id
        if request_id in self._pending:
            self._pending[request_id].resolve(envelope)
            return True
        if request_id in self._abandoned:
            self._abandoned.discard(request_id)
            return True
        return False

    def resolve_only(self, error: Envelope) -> None:
        """Resolve the one request in flight with an error that names none; do nothing if there may be several."""
        if len(self._pending) == 1 and not self._abandoned:
            (only,) = self._pending.values()
            only.resolve(error)

    def fail(self, lost: ConnectionLost, *, closed_by_server: bool) -> None:
        """End every request, since the connection has ended.

        After 1009 only the request that was too big gets that code. The others may be sent again.
        """
        waiting = [pending for pending in self._pending.values() if not pending.result.done()]
        affected = self._too_big(waiting, closed_by_server) if lost.code == _MESSAGE_TOO_BIG else waiting
        other = ConnectionLost(ABNORMAL_CLOSURE, "for another request")
        for pending in waiting:
            pending.result.set_result(lost if pending in affected else other)

    def _too_big(self, waiting: list[PendingRequest], closed_by_server: bool) -> list[PendingRequest]:
        """The largest request in flight. If the client closed over an answer's size, only a single request is meant."""
        if self._abandoned or (len(waiting) > 1 and not closed_by_server):
            return []
        return [max(waiting, key=lambda pending: len(pending.text.encode()))] if waiting else []
