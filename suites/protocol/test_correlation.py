"""Which answer belongs to which request (1.1), and that there is exactly one."""

import uuid
from collections import Counter
from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples


@clause(
    "PROTOCOL-010",
    level="MUST",
    section="1.1",
    feature="core",
    profile="core",
    text="An answer carries the id of its request as correlation_id, whatever the request and its outcome.",
)
async def test_answer_correlates_with_request(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    requests: list[tuple[str, dict[str, Any]]] = [
        sample.command(),
        sample.readback().call,
        sample.not_found(),
        sample.invalid(),
        ("subscribe", {"channel": sample.channel()}),
        ("unsubscribe", {"channel": sample.channel()}),
        ("ping", {}),
        ("no_such_request", {}),
    ]
    for event, data in requests:
        name = f"{event} of {uuid.uuid4()}"
        reply = await client.request(event, data, id=name)
        assert reply.correlation_id == name


@clause(
    "PROTOCOL-011",
    level="MUST",
    section="1.1",
    feature="core",
    profile="core",
    text="The answer to a request without an id carries the request's own correlation_id.",
)
async def test_correlation_id_stands_in_for_a_missing_id(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    event, data = sample.not_found()
    await client.send({"type": "request", "correlation_id": "mine", "event": event, "data": data})
    assert (await client.reply("mine")).error_code == "NOT_FOUND"


@clause(
    "PROTOCOL-012",
    level="MUST",
    section="1.1",
    feature="core",
    profile="core",
    text="A request's correlation_id that differs from its id comes back as request_correlation_id.",
)
async def test_differing_correlation_id_is_returned_beside(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    for call in (sample.command(), sample.not_found()):
        name = str(uuid.uuid4())
        reply = await client.request(*call, id=name, correlation_id="the caller's own")
        assert reply.correlation_id == name
        assert reply.raw.get("request_correlation_id") == "the caller's own", f"not returned: {reply!r}"


@clause(
    "PROTOCOL-013",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="Requests that follow each other without waiting are each answered exactly once.",
)
async def test_every_request_is_answered_exactly_once(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    kinds: list[dict[str, Any]] = [
        {"event": "ping"},
        {"event": "subscribe", "data": {"channel": sample.channel()}},
        {"event": "subscribe", "data": {"channel": "no:such:channel"}},
        {"event": "subscribe", "data": {"channel": 7}},
        {"event": "history", "data": {"channel": sample.channel(), "limit": "many"}},
        {"event": "unsubscribe", "data": {}},
        {"event": "no_such_request"},
        {"event": None},
        {"event": ""},
        {},
        dict(zip(("event", "data"), sample.not_found(), strict=True)),
        dict(zip(("event", "data"), sample.invalid(), strict=True)),
        dict(zip(("event", "data"), sample.readback().call, strict=True)),
        dict(zip(("event", "data"), sample.command(), strict=True)),
    ]
    sent = [str(uuid.uuid4()) for _ in range(3 * len(kinds))]
    for place, name in enumerate(sent):
        await client.send({"type": "request", "id": name, **kinds[place % len(kinds)]})
    for name in sent:
        await client.take(lambda e, name=name: e.correlation_id == name, f"the answer to {name}")  # type: ignore[misc]
    more = await client.fence()
    twice = Counter(e.correlation_id for e in more if e.correlation_id is not None)
    assert not twice, f"answered again: {twice}"
