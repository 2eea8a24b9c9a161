"""A strict client that shares no code with the suite or the services: the `websockets` library's (2, 4, 7).

The same library is below the published client, which never touches its frames, pings and close codes.
"""

import json
from itertools import pairwise

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clause_fixtures import token_for
from bodhisattva.fixtures.clock import PATIENCE
from bodhisattva.fixtures.fixture_types import AllowTime, Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.interop.client_factories import OpenStrict
from bodhisattva.suites.interop.peer_process import PeerError

COUNT = 50
CUTS = (1, 20, 21, 60)


@clause(
    "INTEROP-040",
    level="MUST",
    section="2",
    feature="core",
    profile="interop",
    text="Whether or not a client of the websockets library offers permessage-deflate, it is sent the same, and "
    "nothing is compressed for the one that did not offer it.",
)
async def test_with_and_without_compression(strict: OpenStrict, connect: Connect, sample: RequestSamples) -> None:
    """The library offers it by default; a service is free to decline."""
    series = sample.sequence(count=COUNT)
    writer = await connect()
    for call in (*series.setup, *series.calls):
        await writer.answer(*call)
    offering, plain = await strict(), await strict(compression=None)
    assert set(offering.extensions) <= {"permessage-deflate"}
    assert plain.extensions == []
    query = ("history", {"channel": series.channel, "limit": 1000})
    answers = [(await client.answer(*query)).data for client in (offering, plain)]
    assert answers[0]["events"] == answers[1]["events"]
    assert len(answers[0]["events"]) >= COUNT
    assert (await offering.close(), await plain.close()) == ((1000, ""), (1000, ""))


@clause(
    "INTEROP-041",
    level="MUST",
    section="1",
    feature="core",
    profile="interop",
    text="A message that a client of the websockets library sends in several frames, cut anywhere, is taken as one.",
)
async def test_fragments(strict: OpenStrict, sample: RequestSamples) -> None:
    client = await strict()
    await client.answer(*sample.command())
    back = sample.readback()
    text = json.dumps({"type": "request", "id": "cut", "event": back.call.event, "data": back.call.data})
    bounds = [0, *CUTS, len(text)]
    await client.send_parts([text[start:end] for start, end in pairwise(bounds)])
    answer = await client.receive()
    assert answer.correlation_id == "cut"
    back.check(answer)


@clause(
    "INTEROP-042",
    level="MUST",
    section="4",
    feature="core",
    profile="interop",
    text="Every ping of a client of the websockets library has a pong with its payload.",
)
async def test_pings_are_answered(node: Node, strict: OpenStrict) -> None:
    client = await strict(node)
    for payloads in (["one"], [""], ["a", "b", "c"], ["x" * 125]):
        await client.ping(payloads)


@clause(
    "INTEROP-043",
    level="MUST",
    section="7",
    feature="core",
    profile="interop",
    text="A client of the websockets library that closes, with whatever code it may use, has its close answered with "
    "the same code.",
)
async def test_closing_is_answered(node: Node, strict: OpenStrict) -> None:
    for code, reason in ((1000, ""), (1001, "going away"), (3000, "of a framework"), (4999, "of an application")):
        client = await strict(node)
        answered = await client.close(code, reason)
        assert answered is not None, f"{code} was not answered"
        assert answered.code == code


@clause(
    "INTEROP-044",
    level="MUST",
    section="2",
    feature="auth",
    profile="interop",
    text="A client of the websockets library may authenticate with the upgrade, by Authorization: Bearer; for a bad "
    "token it raises InvalidStatus with HTTP 401.",
)
async def test_bearer(node: Node, strict: OpenStrict, sample: RequestSamples) -> None:
    bearer = {"Authorization": f"Bearer {token_for(node, None, None)}"}
    client = await strict(authenticate=False, additional_headers=bearer)
    welcome = await client.receive()
    assert welcome.event == "session.created", f"no welcome but {welcome!r}"
    assert welcome.data["authenticated"] is True
    await client.answer(*sample.command())
    with pytest.raises(PeerError, match=r"^InvalidStatus: .*HTTP 401$"):
        await strict(authenticate=False, additional_headers={"Authorization": "Bearer nonsense"})


@clause(
    "INTEROP-045",
    level="MUST",
    section="7",
    feature="core",
    profile="interop",
    text="A client of the websockets library receives the close code for what it did: 1003 for a binary message, 1008 "
    "for not authenticating, 1009 for one byte too many.",
)
async def test_close_codes(node: Node, strict: OpenStrict) -> None:
    limits = await node.limits()
    binary, stranger, large = await strict(), await strict(authenticate=False), await strict()
    await binary.send_bytes(1)
    await stranger.send(json.dumps({"type": "request", "id": "1", "event": "ping", "data": {}}))
    await large.send("x" * (limits["message_bytes"] + 1))
    expected = {1003: binary, 1008: stranger, 1009: large}
    ends = {code: await client.ended() for code, client in expected.items()}
    assert {code: end and end.code for code, end in ends.items()} == {code: code for code in expected}


@clause(
    "INTEROP-046",
    level="MUST",
    section="7",
    feature="drain",
    profile="interop",
    text="A client of the websockets library is closed with 1001 by a service that stops.",
)
async def test_going_away(fresh: Fresh, strict: OpenStrict, allow_time: AllowTime) -> None:
    node = await fresh()
    client = await strict(node)
    drain = (await node.limits())["drain_timeout"]
    allow_time(drain)
    await node.terminate()
    end = await client.ended(within=drain + PATIENCE)
    assert end is not None, "no close frame"
    assert end.code == 1001
    assert await node.exited() == 0
