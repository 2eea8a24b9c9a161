"""Reads a channel's whole log from the server, as the last word on what happened."""

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from bodhisattva.chaos.client import HINDERED, Seat
from bodhisattva.chaos.vocabulary import READ, Logged, ReadBack
from bodhisattva.fixtures.clock import eventually

PAGE = 500
READ_WITHIN = 20.0


class Page(msgspec.Struct, frozen=True):
    """The answer to `history` (protocol 3)."""

    epoch: str
    offset: int
    events: tuple[dict[str, Any], ...]


async def read_back(seat: Seat) -> ReadBack:
    """Read and record every event of the seat's channel, trying again until READ_WITHIN; TimedOut after that."""
    what = f"the history of {seat.driver.channel}"
    log: ReadBack = await eventually(partial(_try, seat), what, READ_WITHIN, every=0.2)
    seat.record("ok", READ, log)
    return log


async def _try(seat: Seat) -> ReadBack | None:
    with suppress(*HINDERED):
        return await _read(seat)
    return None


async def _read(seat: Seat) -> ReadBack:
    driver = seat.driver
    events: list[Logged] = []
    async with seat.connected(driver.reading) as client:
        while True:
            after = events[-1].offset if events else 0
            request = {"channel": driver.channel, "after": after, "limit": PAGE}
            page = msgspec.convert((await client.answer("history", request)).data, Page)
            events += (Logged(e["offset"], driver.identify(e)) for e in page.events)
            if len(page.events) < PAGE:
                return ReadBack(driver.service, driver.channel, page.epoch, page.offset, tuple(events))


async def pages(seat: Seat, channel: str) -> AsyncIterator[dict[str, Any]]:
    """Every event of a channel, in order; raises one of HINDERED."""
    after = 0
    async with seat.connected(seat.driver.reading) as client:
        while True:
            request = {"channel": channel, "after": after, "limit": PAGE}
            page = msgspec.convert((await client.answer("history", request)).data, Page)
            for event in page.events:
                yield event
            if len(page.events) < PAGE:
                return
            after = page.events[-1]["offset"]
