"""Requests of the published client are answered, and refused as it presents refusals (1, 3)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clause_fixtures import token_for
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import Call, RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.interop.client_factories import OpenPublished

AT_ONCE = 20


@clause(
    "INTEROP-010",
    level="MUST",
    section="1.1",
    feature="core",
    profile="interop",
    text="The published client's commands and queries resolve: it waits for the id of its request, though it sends "
    "a correlation_id of its own.",
)
async def test_requests_resolve(published: OpenPublished, connect: Connect, sample: RequestSamples) -> None:
    """The published server answers with the correlation_id of the request instead, and its client waits in vain."""
    client = await published()
    answer = await client.answer(*sample.command())
    assert answer.event == sample.command().event
    assert answer.raw["correlation_id"] is not None
    sample.readback().check(await client.answer(*sample.readback().call))
    other = await connect()
    sample.readback().check(await other.answer(*sample.readback().call))
    assert await client.warnings() == []


@clause(
    "INTEROP-011",
    level="MUST",
    section="1.1",
    feature="core",
    profile="interop",
    text="Requests that the published client sends at once are each given their own answer.",
)
async def test_requests_at_once(published: OpenPublished, sample: RequestSamples) -> None:
    client = await published()
    commands = await client.requests([sample.command(n) for n in range(AT_ONCE)])
    assert [answer.type for answer in commands] == ["response"] * AT_ONCE
    backs = [sample.readback(n) for n in range(AT_ONCE)]
    for back, answer in zip(backs, await client.requests([back.call for back in backs]), strict=True):
        back.check(answer)


@clause(
    "INTEROP-012",
    level="MUST",
    section="3",
    feature="core",
    profile="interop",
    text="The published client's send_request returns a refusal as a message of type error with its code and a text.",
)
async def test_errors_are_returned(node: Node, published: OpenPublished, sample: RequestSamples) -> None:
    """It raises nothing for an error: its user has to check the message's type."""
    client = await published()
    cases = {
        "NOT_FOUND": sample.not_found(),
        "INVALID_DATA": sample.invalid(),
        "UNKNOWN_REQUEST": Call("no_such_request", {}),
        "INVALID_CHANNEL": Call("subscribe", {"channel": "nonsense"}),
    }
    for code, call in cases.items():
        answer = await client.request(*call)
        assert (answer.type, answer.error_code) == ("error", code), f"{call.event}: {answer!r}"
        assert answer.error_message, f"{call.event}: no text in {answer!r}"
    reader = await published(token=token_for(node, "reader", [f"{node.service}:read"]))
    answer = await reader.request(*sample.command())
    assert (answer.type, answer.error_code) == ("error", "FORBIDDEN")
    assert await client.warnings() == []
