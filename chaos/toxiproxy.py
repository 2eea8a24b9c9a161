"""Links through a Toxiproxy server: each is one proxy of its own, so that it can be broken alone.

toxiproxy-python blocks, has no time limit, does not raise on a server error and would use a proxy of the environment
for the loopback. So every call runs off the event loop under a limit and directly, and every change is read back before
it counts as made.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from toxiproxy import Proxy
from toxiproxy import Toxiproxy as Api
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from bodhisattva.chaos.probe import REQUEST, Probe, probe
from bodhisattva.fixtures.loopback import direct

LIMIT = 5.0

T = TypeVar("T")


class ToxiproxyError(RuntimeError):
    """The Toxiproxy server did not carry out a request."""


async def call(what: str, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Run a blocking call of toxiproxy-python in a thread; ToxiproxyError names `what` failed."""
    direct()
    try:
        async with asyncio.timeout(LIMIT):
            return await asyncio.to_thread(function, *arguments, **named)
    except TimeoutError:
        raise ToxiproxyError(f"{what}: Toxiproxy gave no answer within {LIMIT:g} s") from None
    except (requests.RequestException, InvalidToxic, NotFound, ProxyExists, KeyError) as error:
        raise ToxiproxyError(f"{what}: {type(error).__name__}: {error}") from error


@dataclass
class Link:
    """A way to one service, or to its store, that can be broken.

    host, port: where clients connect. trust: their TLS context; TLS passes through the proxy untouched.
    request: what the other end answers.
    """

    name: str
    host: str
    port: int
    trust: ssl.SSLContext | None
    proxy: Proxy
    request: bytes = REQUEST

    @property
    def url(self) -> str:
        return f"{'wss' if self.trust else 'ws'}://{self.host}:{self.port}/ws"

    async def probe(self, patience: float) -> Probe:
        return await probe(self.host, self.port, self.trust, patience, self.request)

    async def add_toxic(self, toxic: str, **attributes: int) -> None:
        """Add a toxic to what the service sends, on all connections."""
        await call(f"{self.name}: adding {toxic}", self.proxy.add_toxic, type=toxic, attributes=attributes)
        found = await self.toxics()
        if [toxic] != list(found.values()):
            raise ToxiproxyError(f"{self.name}: wanted {toxic}, the proxy has {found}")

    async def disable(self) -> None:
        """Drop every connection and take no new one."""
        await call(f"{self.name}: disabling", self.proxy.disable)
        await self._assert_enabled(False)

    async def reset(self) -> None:
        """Enable the link and remove every toxic. Its connections end only if Toxiproxy hangs on them."""
        try:
            for name in await self.toxics():
                await call(f"{self.name}: removing {name}", self.proxy.destroy_toxic, name)
            if not await self._enabled():
                await call(f"{self.name}: enabling", self.proxy.enable)
        except ToxiproxyError:
            # Shopify/toxiproxy issue 558: removing a toxic under traffic can hang that proxy for good.
            await self._recreate()
        await self.assert_healthy()

    async def assert_healthy(self) -> None:
        """ToxiproxyError if a toxic remains or the link is closed."""
        if found := await self.toxics():
            raise ToxiproxyError(f"{self.name}: after the reset there remain {found}")
        await self._assert_enabled(True)

    async def toxics(self) -> dict[str, str]:
        """The type of each toxic on the link, by its name."""
        found = await call(f"{self.name}: listing toxics", self.proxy.toxics)
        return {name: toxic.type for name, toxic in found.items()}

    async def _recreate(self) -> None:
        await call(f"{self.name}: deleting", self.proxy.destroy)
        self.proxy = await call(
            f"{self.name}: creating again", Api().create, self.proxy.upstream, self.name, self.proxy.listen
        )

    async def _enabled(self) -> bool:
        found = await call(f"{self.name}: reading", Api().get_proxy, self.name)
        return bool(found and found.enabled)

    async def _assert_enabled(self, expected: bool) -> None:
        if await self._enabled() is not expected:
            raise ToxiproxyError(f"{self.name}: wanted enabled={expected}, the proxy has the contrary")
