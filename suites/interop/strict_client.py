"""A connection of the `websockets` library as a test drives it, each call with a bound."""

import json
import time
import uuid
from collections.abc import Sequence
from typing import Any

from bodhisattva.fixtures.clock import PATIENCE, units
from bodhisattva.fixtures.endings import Close
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.suites.interop.peer_process import PeerProcess

MARGIN = 1.0


class StrictClient:
    """An open connection in the library's process; extensions: those that both sides agreed on."""

    def __init__(self, process: PeerProcess, opened: dict[str, Any]) -> None:
        self._process = process
        self._number = opened["connection"]
        self.extensions: list[str] = opened["extensions"]

    async def send(self, text: str) -> None:
        await self._do("send", text=text)

    async def send_parts(self, parts: Sequence[str]) -> None:
        """One message in as many frames."""
        await self._do("send_parts", parts=parts)

    async def send_bytes(self, size: int) -> None:
        """A binary message of `size` bytes."""
        await self._do("send_bytes", size=size)

    async def receive(self, within: float = PATIENCE) -> Envelope:
        text = await self._do("receive", within=within + MARGIN, timeout=units(within))
        return Envelope.parse(text, time.monotonic())

    async def request(self, event: str, data: Any) -> Envelope:
        """The answer to a request; events that come before it are dropped."""
        name = str(uuid.uuid4())
        await self.send(json.dumps({"type": "request", "id": name, "event": event, "data": data}))
        while (received := await self.receive()).correlation_id != name:
            assert received.type == "event", f"no answer to {event} but {received!r}"
        return received

    async def answer(self, event: str, data: Any) -> Envelope:
        """`request` that must succeed."""
        reply = await self.request(event, data)
        assert reply.type == "response", f"{event} was refused: {reply!r}"
        return reply

    async def ping(self, payloads: Sequence[str], within: float = PATIENCE) -> None:
        """Send these pings and wait until each has its pong."""
        await self._do("ping", within=within + MARGIN, payloads=payloads, timeout=units(within))

    async def ended(self, within: float = PATIENCE) -> Close | None:
        """Wait for the end of the connection; the close frame that the service sent, or None if it sent none."""
        return _close((await self._do("ended", within=within + MARGIN, timeout=units(within)))["received"])

    async def close(self, code: int = 1000, reason: str = "") -> Close | None:
        """Close; the close frame that came back."""
        return _close((await self._do("close", within=3 * PATIENCE, code=code, reason=reason))["received"])

    async def _do(self, what: str, within: float = PATIENCE, **given: Any) -> Any:
        return await self._process.do(what, within=within, connection=self._number, **given)


def _close(frame: list[Any] | None) -> Close | None:
    return None if frame is None else Close(*frame)
