"""The port through which the engine stores commands: an adapter decides when each step of the processor runs."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from bodhisattva.servers.core.engine.commands import Command
from bodhisattva.servers.core.engine.processor import CommandProcessor


class Appender(Protocol):
    """Stores the commands of one engine: a `LocalAppender` in a log of its own, a `SharedAppender` in a shared one.

    writable: False while the log does not answer a probe.
    lag: how many commands are submitted and not yet settled.
    current: True if the state is known to hold all that is in the log by now.
    settled: True if all that the state holds is in the log.
    submit: evaluate the command, append what it comes to, and settle it; the engine is available.
    when_current: call `then` once the state holds all that was in the log by now, with False if it cannot.
    when_durable: call `then` once all that the state holds is in the log, with False if it turns out not to be.
    read_barrier: None if the state is current, or else a coroutine that ends when it is, and when a channel's log
        start is known. It raises Unavailable or LogError.
    present: the members of a channel at every replica, or a coroutine where other replicas have to be queried.
    probe: find out whether the log takes writes.
    retention_lease: holds the right to trim the log; gives the number of the last event that every replica has
        delivered, or None if another replica holds the right.
    """

    @property
    def lag(self) -> int: ...

    @property
    def writable(self) -> bool: ...

    @property
    def current(self) -> bool: ...

    @property
    def settled(self) -> bool: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def submit(self, command: Command) -> None: ...

    def when_current(self, then: Callable[[bool], None]) -> None: ...

    def when_durable(self, then: Callable[[bool], None]) -> None: ...

    def read_barrier(self, channel: str | None) -> Coroutine[Any, Any, None] | None: ...

    def present(self, channel: str) -> list[dict[str, Any]] | Coroutine[Any, Any, list[dict[str, Any]]]: ...

    async def probe(self) -> None: ...

    def retention_lease(self) -> AbstractAsyncContextManager[int | None]: ...


MakeAppender = Callable[[CommandProcessor], Appender]
