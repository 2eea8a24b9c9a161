"""The buffer between the reader and a consumer."""

import asyncio

import pytest

from bodhisattva.servers.client import ClientClosed, Event, GapDetected, Position, SubscriptionRevoked
from bodhisattva.servers.client.inbox import Inbox


def event(number: int) -> Event:
    return Event("happened", {"n": number}, "c", Position("e", number), str(number), "")


async def test_items_are_returned_in_order_and_a_break_is_raised() -> None:
    inbox = Inbox(10)
    inbox.put(event(1))
    inbox.put(GapDetected("c", Position("e", 1), Position("e", 2)))
    inbox.put(event(3))
    assert await inbox.get() == event(1)
    with pytest.raises(GapDetected):
        await inbox.get()
    assert await inbox.get() == event(3)


async def test_drained_is_set_while_the_inbox_is_empty() -> None:
    inbox = Inbox(10)
    assert inbox.drained.is_set()
    inbox.put(event(1))
    assert not inbox.drained.is_set()
    await inbox.get()
    assert inbox.drained.is_set()


async def test_a_full_inbox_drops_its_oldest_event() -> None:
    inbox = Inbox(1)
    inbox.put_dropping_oldest(event(1))
    inbox.put_dropping_oldest(event(2))
    assert (inbox.is_full, inbox.dropped) == (True, 1)
    assert await inbox.get() == event(2)


async def test_the_first_end_counts_and_is_raised_after_the_items() -> None:
    inbox = Inbox(10)
    inbox.put(event(1))
    inbox.close(SubscriptionRevoked("c"))
    inbox.close(ClientClosed("closed"))
    assert await inbox.get() == event(1)
    for _ in range(2):
        with pytest.raises(SubscriptionRevoked):
            await inbox.get()


async def test_the_end_wakes_a_waiting_consumer() -> None:
    inbox = Inbox(10)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.close(ClientClosed("closed"))
    with pytest.raises(ClientClosed):
        await waiting
