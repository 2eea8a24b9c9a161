"""A client that sends more than it may (4)."""

import asyncio

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.performance.many_connections import UNDER_LOAD

NARROW = {"messages_per_second": 20, "burst_factor": 2, "rate_patience": 120}
OTHERS = 3
COMMANDS = 12
PIECE = 20
TOO_MANY = 400


@clause(
    "DEGRADATION-007",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="A client that floods the service with junk and commands gets an error for each of them; other "
    "connections of the same user keep the whole of their own rate, and their commands are all done.",
)
async def test_flood_costs_others_nothing(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(limits=NARROW)
    flooder, *others = [await connect(node) for _ in range(1 + OTHERS)]
    working = asyncio.gather(*(_work(client, sample, n) for n, client in enumerate(others)))
    answers, _ = await asyncio.gather(_flood(flooder, sample, working), working)
    codes = [answer.error_code for answer in answers]
    assert "RATE_LIMIT_EXCEEDED" in codes, f"never limited: {sorted({str(code) for code in codes})}"
    assert flooder.ended is None


async def _flood(client: WireClient, sample: RequestSamples, working: asyncio.Future[list[None]]) -> list[Envelope]:
    """Junk and commands by turns, until the others are done; exactly one answer to each."""
    answers: list[Envelope] = []
    while len(answers) < TOO_MANY or not working.done():
        names = [f"flood {len(answers) + number}" for number in range(PIECE)]
        for name in names:
            event, data = sample.command(f"{name.replace(' ', '')}-")
            await client.send({"type": "request", "id": name, "event": event, "data": data})
            await client.send("junk")
        answers += [await client.reply(name, UNDER_LOAD) for name in names]
        answers += [await client.error(within=UNDER_LOAD) for _ in names]
    more = await client.fence()
    assert not more, f"more answers than messages: {more[:3]}"
    return answers


async def _work(client: WireClient, sample: RequestSamples, n: int) -> None:
    """Commands one after the other, each of which must be done."""
    for number in range(COMMANDS):
        name = f"work{n}-{number}-"
        event, data = sample.command(name)
        await client.answer(event, data, within=UNDER_LOAD)
        back = sample.readback(name)
        back.check(await client.answer(*back.call, within=UNDER_LOAD))
