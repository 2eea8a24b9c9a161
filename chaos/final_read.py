"""The final read: a channel's whole log, read from the server once all faults are healed."""

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from bodhisattva.chaos.client import RETRYABLE_ERRORS, Client
from bodhisattva.chaos.operations import READ, FinalRead, LogEntry
from bodhisattva.fixtures.clock import eventually

PAGE = 500
READ_WITHIN = 20.0


class Page(msgspec.Struct, frozen=True):
    """The response to `history` (protocol 3)."""

    epoch: str
    offset: int
    events: tuple[dict[str, Any], ...]


async def final_read(client: Client) -> FinalRead:
    """Read and record every event of the client's channel, retrying for READ_WITHIN; TimedOut after that."""
    what = f"the history of {client.generator.channel}"
    log: FinalRead = await eventually(partial(_attempt, client), what, READ_WITHIN, every=0.2)
    client.record("ok", READ, log)
    return log


async def _attempt(client: Client) -> FinalRead | None:
    with suppress(*RETRYABLE_ERRORS):
        return await _read(client)
    return None


async def _read(client: Client) -> FinalRead:
    generator = client.generator
    read = [page async for page in pages(client, generator.channel)]
    entries = tuple(LogEntry(event["offset"], generator.identify(event)) for page in read for event in page.events)
    return FinalRead(generator.service, generator.channel, read[-1].epoch, read[-1].offset, entries)


async def pages(client: Client, channel: str) -> AsyncIterator[Page]:
    """The pages of a channel's log, in order, at least one; raises one of RETRYABLE_ERRORS."""
    after = 0
    async with client.connected(client.generator.read_permissions) as connection:
        while True:
            request = {"channel": channel, "after": after, "limit": PAGE}
            page = msgspec.convert((await connection.answer("history", request)).data, Page)
            yield page
            if len(page.events) < PAGE:
                return
            after = page.events[-1]["offset"]
