"""The cost of one client's request delays no other client (4)."""

import asyncio
import time
from collections.abc import Callable

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import units
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.performance.many_connections import UNDER_LOAD
from bodhisattva.suites.performance.measurements import Record, record_measurement

QUIET = 20
REPEATS = 16_000
LONGEST = 1
"""Units beyond what a client waits for anyway."""


async def _waited(client: WireClient) -> float:
    begun = time.monotonic()
    await client.fence(UNDER_LOAD)
    return time.monotonic() - begun


async def _longest(client: WireClient, more: Callable[[], bool]) -> float:
    """Seconds that the slowest pong took, of one ping and of those that follow while there is `more`."""
    longest = await _waited(client)
    while more():
        longest = max(longest, await _waited(client))
    return longest


@clause(
    "PERFORMANCE-210",
    level="MUST",
    section="4",
    feature="core",
    profile="performance",
    text="While a search goes through a text that has its word many thousand times, other clients are answered as "
    "without it.",
    services=("session-buddy",),
)
async def test_a_search_holds_nobody_up(
    fresh: Fresh, connect: Connect, sample: RequestSamples, record_property: Record
) -> None:
    node = await fresh(limits={"messages_per_second": 10_000})
    reader, other = await connect(node), await connect(node)
    word = "kiln"
    await reader.answer("capture_knowledge", {"knowledge_id": sample.key(), "content": f"{word} " * REPEATS})
    left = iter(range(QUIET))
    quiet = await _longest(other, lambda: next(left, None) is not None)
    search = asyncio.create_task(reader.answer("search_knowledge", {"query": word}, within=UNDER_LOAD))
    busy = await _longest(other, lambda: not search.done())
    found = (await search).data
    assert [hit["knowledge_id"] for hit in found["results"]] == [sample.key()]
    assert f"[{word}]" in found["results"][0]["snippet"]
    record_measurement(record_property, "longest wait for a pong", busy, "s")
    assert busy <= 5 * quiet + units(LONGEST), f"another client waited {busy:.2f} s for its pong, {quiet:.2f} s before"
