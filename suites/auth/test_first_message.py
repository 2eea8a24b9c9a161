"""What comes first on a connection, what it is answered, and whether the connection goes on (2.3)."""

import time
from datetime import datetime

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import AllowTime, Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.suites.auth.rejected_tokens import (
    AUTHENTICATION_FAILED,
    AUTHENTICATION_REQUIRED,
    assert_token_rejected,
)


@clause(
    "AUTH-010",
    level="MUST",
    section="2.4",
    feature="auth",
    profile="core",
    text="The answer to auth, which names the token's end, comes first, the welcome second, and nothing else unasked.",
)
async def test_answer_then_welcome(connect: Connect, node: Node, tokens: Tokens) -> None:
    client = await connect(authenticate=False)
    end = time.time() + 300
    await client.send(
        {"type": "request", "id": "first", "event": "auth", "data": {"token": tokens.valid("ann", exp=end)}}
    )
    answer, welcome = await client.fence()
    assert (answer.type, answer.event, answer.correlation_id) == ("response", "auth", "first")
    assert abs(datetime.fromisoformat(answer.data["expires_at"]).timestamp() - end) <= 1
    assert (welcome.type, welcome.event, welcome.room) == ("event", "session.created", None)


@clause(
    "AUTH-011",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="An auth request without a token, or with something that is none, is AUTH_FAILED and ends the connection.",
)
async def test_missing_or_malformed_token(connect: Connect, node: Node, tokens: Tokens) -> None:
    wrong: list[object] = [None, 7, "", ".", "..", "a.b.c", "no token", [tokens.usual(node.service)], {}, "\x00", "ä.ö"]
    for token in wrong:
        await assert_token_rejected(connect, node, token)
    client = await connect(authenticate=False)
    assert (await client.refusal("auth")).error_code == "AUTH_FAILED"
    assert await client.closed() == AUTHENTICATION_FAILED


@clause(
    "AUTH-012",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="A first message other than the request auth is AUTH_REQUIRED, correlated, and ends the connection.",
)
async def test_other_first_message(connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens) -> None:
    token = {"token": tokens.usual(node.service)}
    event, data = sample.command()
    for frame in (
        {"type": "request", "event": "ping"},
        {"type": "ping"},
        {"type": "request", "event": event, "data": data},
        {"type": "request", "event": "subscribe", "data": {"channel": "global"}},
        {"type": "request", "event": "refresh_token", "data": token},
        {"type": "event", "event": "auth", "data": token},
        {"type": "request", "event": "no_such_request"},
        {"type": "response", "event": "auth"},
    ):
        client = await connect(authenticate=False)
        await client.send({"id": "first", **frame})
        assert (await client.reply("first")).error_code == "AUTH_REQUIRED", f"first message {frame}"
        assert await client.closed() == AUTHENTICATION_REQUIRED
    writer = await connect()
    assert (await writer.refusal(*sample.readback().call)).error_code == "NOT_FOUND", "the command was executed"


@clause(
    "AUTH-013",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="A first message that cannot be read is AUTH_REQUIRED and ends the connection.",
)
async def test_undecodable_first_message(connect: Connect, node: Node) -> None:
    for text in ("", "no JSON", "[]", "{}", '{"type": 7}', '{"type": "request", "event": "auth", "data": "token"}'):
        client = await connect(authenticate=False)
        await client.send(text)
        assert (await client.error()).error_code == "AUTH_REQUIRED", f"first message {text!r}"
        assert await client.closed() == AUTHENTICATION_REQUIRED


@clause(
    "AUTH-014",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="A connection that has not authenticated within the claimed timeout gets AUTH_REQUIRED and closed 1008.",
)
async def test_silence_ends_at_the_timeout(connect: Connect, node: Node, allow_time: AllowTime) -> None:
    timeout = (await node.limits())["auth_timeout"]
    allow_time(timeout)
    opening = time.monotonic()
    client = await connect(authenticate=False)
    error = await client.error(within=timeout + 5)
    assert error.error_code == "AUTH_REQUIRED"
    assert error.received - opening >= timeout, "closed before its time"
    assert await client.closed() == AUTHENTICATION_REQUIRED


@clause(
    "AUTH-015",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="What is sent after a refused token, before the refusal is known, is neither executed nor answered.",
)
async def test_nothing_is_done_after_a_refusal(
    connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens
) -> None:
    client = await connect(authenticate=False)
    event, data = sample.command()
    await client.send({"type": "request", "id": "a", "event": "auth", "data": {"token": tokens.wrong_secret()}})
    await client.send({"type": "request", "id": "b", "event": "auth", "data": {"token": tokens.usual(node.service)}})
    await client.send({"type": "request", "id": sample.key("third"), "event": event, "data": data})
    assert await client.closed() == AUTHENTICATION_FAILED
    assert (await client.reply("a")).error_code == "AUTH_FAILED"
    assert not client.inbox, "more than the refusal"
    writer = await connect()
    assert (await writer.refusal(*sample.readback().call)).error_code == "NOT_FOUND", "the command was executed"
