"""The types of the fixtures that open foreign clients."""

from collections.abc import Sequence
from typing import Any, Protocol

from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.interop.published_client import PublishedClient
from bodhisattva.suites.interop.strict_client import StrictClient


class OpenPublished(Protocol):
    """Makes a published client of the test's node (or another) and disconnects it after the test.

    token: the suite's usual one unless given; None: no token. handle: the events that it gets a handler for.
    ca: verify against the authority of the node, otherwise against the machine's own. connect: or leave that to
    the test. What else the client's constructor takes goes through; it does not reconnect by default.
    """

    async def __call__(
        self,
        node: Node | None = None,
        *,
        token: str | None = "",
        handle: Sequence[str] = (),
        ca: bool = True,
        connect: bool = True,
        **options: Any,
    ) -> PublishedClient: ...


class OpenStrict(Protocol):
    """Connects a client of the websockets library to the test's node (or another) and closes it after the test.

    authenticate: send the suite's usual token and take the welcome. What else the library's `connect` takes goes
    through.
    """

    async def __call__(
        self, node: Node | None = None, *, authenticate: bool = True, **options: Any
    ) -> StrictClient: ...
