"""A token with the upgrade instead of the first message (2.3)."""

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.endings import HandshakeRefused
from bodhisattva.fixtures.fixture_types import Connect, Raw
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens


@clause(
    "AUTH-050",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="A valid bearer token in the upgrade's Authorization authenticates: the welcome comes first, unasked.",
)
async def test_bearer_token_authenticates(connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens) -> None:
    headers = {"Authorization": f"Bearer {tokens.usual(node.service)}"}
    client = await connect(authenticate=False, headers=headers)
    first = await client.take(lambda _: True, "the first frame")
    assert (first.type, first.event) == ("event", "session.created")
    assert first.data["authenticated"] is True
    await client.answer(*sample.command())


@clause(
    "AUTH-051",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="A bad bearer token is refused with 401, and there is no upgrade.",
)
async def test_bad_bearer_token_is_401(connect: Connect, node: Node, tokens: Tokens) -> None:
    for token in (
        tokens.expired(),
        tokens.wrong_secret(),
        tokens.unsigned(),
        tokens.without_user(),
        tokens.without_expiry(),
        "a.b.c",
        "",
    ):
        with pytest.raises(HandshakeRefused) as refused:
            await connect(authenticate=False, headers={"Authorization": f"Bearer {token}"})
        assert refused.value.status == 401, f"Bearer {token[:40]!r}"


@clause(
    "AUTH-052",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="A token in the URL is not read.",
)
async def test_token_in_the_url_is_not_read(raw: Raw, node: Node, tokens: Tokens) -> None:
    token = tokens.usual(node.service)
    for name in ("token", "access_token", "authorization", "jwt"):
        peer = await raw(upgrade=False)
        answer = await peer.upgrade(f"/ws?{name}={token}")
        assert answer.status == 101
        assert (await peer.request("ping")).error_code == "AUTH_REQUIRED", f"{name} in the URL authenticates"
        assert (await peer.closed()).code == 1008
