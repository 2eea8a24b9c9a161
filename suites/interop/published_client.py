"""The published client as a test drives it, each call with a bound."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from bodhisattva.fixtures.clock import PATIENCE, TimedOut, eventually, units
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.request_samples import Call
from bodhisattva.suites.interop.peer_process import PeerError, PeerProcess

MARGIN = 1.0


class PublishedClient:
    """One client of `mcp_common.websocket` in the peer's process.

    Facts of the client (0.19) that its clauses have to live with: an event's handler is given `data` alone, not the
    channel; a subscription is sent as `type: event` and its answer not awaited; an error is returned like a response.
    """

    def __init__(self, process: PeerProcess, number: int) -> None:
        self._process = process
        self._number = number

    async def connect(self, within: float = PATIENCE) -> None:
        await self._do("connect", within=within)

    async def state(self) -> dict[str, Any]:
        """connected, authenticated, secure, connection (a number that it gives itself, new for each connection)."""
        state: dict[str, Any] = await self._do("state")
        return state

    async def request(self, event: str, data: Any, within: float = PATIENCE) -> Envelope:
        """What `send_request` returns, be it a response or an error."""
        given = {"event": event, "data": data, "timeout": units(within)}
        return _message(await self._do("request", within=within + MARGIN, **given))

    async def requests(self, calls: Sequence[Call], within: float = PATIENCE) -> list[Envelope]:
        """`request` for all of `calls` at once, in their order."""
        given = {"calls": calls, "timeout": units(within)}
        return [_message(message) for message in await self._do("requests", within=within + MARGIN, **given)]

    async def answer(self, event: str, data: Any) -> Envelope:
        """`request` that must succeed."""
        message = await self.request(event, data)
        assert message.type == "response", f"{event} was refused: {message!r}"
        return message

    async def send(self, event: str, data: Any) -> None:
        await self._do("send", event=event, data=data)

    async def subscribe(self, room: str) -> None:
        """Subscribe, and wait until the service has come to it: its answer is nothing that this client shows."""
        await self._do("subscribe", room=room)
        await self.fence()

    async def unsubscribe(self, room: str) -> None:
        """Unsubscribe, with the same wait."""
        await self._do("unsubscribe", room=room)
        await self.fence()

    async def fence(self) -> None:
        """Everything that the service sent before the answer to this has been received and handled."""
        pong = await self.request("ping", {})
        assert pong.type == "pong", f"no pong but {pong!r}"

    async def received(self, event: str, where: Callable[[Envelope], bool] = lambda _: True) -> list[Envelope]:
        """What the handler of `event` was given so far, in order; of an envelope it has event and data only."""
        received = [
            _message({"type": "event", "event": name, "data": data}) for name, data in await self._do("received")
        ]
        return [one for one in received if one.event == event and where(one)]

    async def wait_for_event(
        self, event: str, where: Callable[[Envelope], bool] = lambda _: True, within: float = PATIENCE
    ) -> Envelope:
        """Wait until the handler of `event` was given one for which `where` holds, and return the first."""

        async def first() -> Envelope | None:
            return next(iter(await self.received(event, where)), None)

        try:
            return await eventually(first, f"{event} at the published client", within)
        except TimedOut as late:
            raise TimedOut(
                f"{late}; it received {await self._do('received')} and logged {await self.warnings()}"
            ) from None

    async def logged(self, text: str, within: float = PATIENCE) -> None:
        """Wait until the client's log has a line with `text`."""

        async def there() -> bool:
            return any(text in line for _, line in await self._do_log())

        await eventually(there, f"'{text}' in the published client's log", within)

    async def warnings(self) -> list[str]:
        """What the clients logged as warnings and errors since the test began."""
        return [line for level, line in await self._do_log() if level != "INFO"]

    async def disconnect(self) -> None:
        await self._do("disconnect", within=2 * PATIENCE)

    async def close(self) -> None:
        """Disconnect, also a client that was cut, for which that raises what ended its connection."""
        try:
            await self.disconnect()
        except PeerError as error:
            if error.kind != "ConnectionClosedError":
                raise

    async def _do(self, what: str, within: float = PATIENCE, **given: Any) -> Any:
        return await self._process.do(what, within=within, client=self._number, **given)

    async def _do_log(self) -> list[tuple[str, str]]:
        lines: list[tuple[str, str]] = await self._process.do("log")
        return lines


def _message(raw: dict[str, Any]) -> Envelope:
    return Envelope(raw, json.dumps(raw), 0.0)
