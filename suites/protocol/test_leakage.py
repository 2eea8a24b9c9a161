"""Error messages are for people: nothing of the inside in them (1)."""

import re
from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens

INSIDE = re.compile(
    r"traceback|\b\w+(?:Error|Exception)\b|\bFile \"|\bline \d+|\.py\b|0x[0-9a-f]{6,}|<class|object at"
    r"|\b(?:msgspec|aiohttp|sqlite|jwt|asyncio)\b|/(?:home|root|tmp|usr|opt|var|srv|app)/|\.sqlite3",
    re.IGNORECASE,
)


def assert_discreet(error: Envelope, *secrets: str) -> None:
    """No exception text, path, secret or token in an error, wherever in it."""
    found = INSIDE.search(error.error_message)
    assert found is None, f"the message shows {found.group() if found else ''!r}: {error!r}"
    shown = [secret for secret in secrets if secret and secret in error.text]
    assert not shown, f"a secret or token is in {error!r}"


@clause(
    "PROTOCOL-027",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="Error messages show no exception text, path, secret or token.",
)
async def test_errors_leak_nothing(connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens) -> None:
    client = await connect()
    claimed = (await node.well_known())["requests"]
    errors = [await client.refusal(*sample.not_found()), await client.refusal(*sample.invalid())]
    wrong: list[dict[str, Any]] = [{"limit": [], "query": {}}, {"workflow_id": {"a": []}, "id": 1e308}]
    for name in (*claimed["queries"], *claimed["commands"]):
        for data in wrong:
            reply = await client.request(name, data)
            errors += [reply] if reply.type == "error" else []
    for channel in (7, None, "\x00", "../../etc/passwd", "no:such", ["global"]):
        errors.append(await client.refusal("subscribe", {"channel": channel}))
        errors.append(await client.refusal("history", {"channel": channel, "limit": "x"}))
    await client.send('{"type": "request", "data": {"n": 1e99999')
    errors.append(await client.error("DECODE_ERROR"))
    assert len(errors) > 12, "hardly anything was refused"
    for error in errors:
        assert_discreet(error, tokens.secret)
        assert error.error_code != "INTERNAL_ERROR", f"bad data is no internal error: {error!r}"


@clause(
    "PROTOCOL-028",
    level="MUST",
    section="1",
    feature="auth",
    profile="core",
    text="A refused authentication repeats neither the token nor why its signature or claims were not accepted.",
)
async def test_refused_tokens_are_not_echoed(connect: Connect, node: Node, tokens: Tokens) -> None:
    messages = set()
    for token in (tokens.expired(), tokens.wrong_secret(), tokens.unsigned(), tokens.without_user()):
        client = await connect(authenticate=False)
        error = await client.refusal("auth", {"token": token})
        assert_discreet(error, tokens.secret, token, *token.split(".")[1:])
        messages.add((error.error_message, str(error.data)))
    assert len(messages) == 1, f"the answer shows what is wrong with a token: {messages}"
