"""Which tokens are accepted (2, Tokens)."""

import time

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.suites.auth.rejected_tokens import assert_token_rejected


@clause(
    "AUTH-020",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A token without a signature, of the algorithm none, is refused.",
)
async def test_unsigned_token(connect: Connect, node: Node, tokens: Tokens) -> None:
    await assert_token_rejected(connect, node, tokens.unsigned(permissions=["admin"]))


@clause(
    "AUTH-021",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A token signed by an algorithm that is not on the list is refused, even with the right secret.",
)
async def test_algorithm_outside_the_list(connect: Connect, node: Node, tokens: Tokens) -> None:
    now = time.time()
    for algorithm in ("HS384", "HS512"):
        token = tokens.mint(
            algorithm=algorithm, user_id="ann", permissions=["admin"], iat=now, exp=now + 300, aud=tokens.audience
        )
        await assert_token_rejected(connect, node, token)


@clause(
    "AUTH-022",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A token that never ends is refused.",
)
async def test_token_without_end(connect: Connect, node: Node, tokens: Tokens) -> None:
    await assert_token_rejected(connect, node, tokens.without_expiry(permissions=["admin"]))
    await assert_token_rejected(connect, node, tokens.valid(exp="tomorrow"))


@clause(
    "AUTH-023",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A token that lives longer than the claimed maximum is refused, also without iat.",
)
async def test_token_of_too_long_a_life(connect: Connect, node: Node, tokens: Tokens) -> None:
    longest = (await node.limits())["max_token_lifetime"]
    await assert_token_rejected(connect, node, tokens.too_long(longest + 60))
    await assert_token_rejected(connect, node, tokens.valid(exp=time.time() + longest + 60, iat=None))
    client = await connect(token=tokens.valid(lifetime=longest - 60))
    assert client.welcome is not None


@clause(
    "AUTH-174",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="The leeway for clocks makes no token live longer: one that lives a second more than the claimed maximum is "
    "refused, and one that lives just as long is taken.",
)
async def test_leeway_makes_no_life_longer(connect: Connect, node: Node, tokens: Tokens) -> None:
    longest, issued = (await node.limits())["max_token_lifetime"], time.time() - 1
    client = await connect(token=tokens.valid(iat=issued, exp=issued + longest))
    assert client.welcome is not None
    await assert_token_rejected(connect, node, tokens.valid(iat=issued, exp=issued + longest + 1))


@clause(
    "AUTH-024",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A token that is not valid yet, or was issued in the future, is refused.",
)
async def test_token_of_the_future(connect: Connect, node: Node, tokens: Tokens) -> None:
    await assert_token_rejected(connect, node, tokens.not_yet_valid(ahead=60))
    await assert_token_rejected(connect, node, tokens.issued_in_future(ahead=60))


@clause(
    "AUTH-025",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="Clocks that differ by less than the leeway do not make a token invalid.",
)
async def test_leeway(connect: Connect, node: Node, tokens: Tokens) -> None:
    client = await connect(token=tokens.not_yet_valid("ann", ahead=3))
    assert client.welcome is not None
    client = await connect(token=tokens.issued_in_future("ann", ahead=3))
    assert client.welcome is not None


@clause(
    "AUTH-026",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A token that names no user, or one that is no string, is refused.",
)
async def test_token_without_user(connect: Connect, node: Node, tokens: Tokens) -> None:
    await assert_token_rejected(connect, node, tokens.without_user(permissions=["admin"]))
    for user in (7, ["ann"], {"name": "ann"}, True, ""):
        await assert_token_rejected(connect, node, tokens.valid(user_id=user))


@clause(
    "AUTH-027",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="The subject of a token names its user where there is no user_id.",
)
async def test_subject_names_the_user(connect: Connect, node: Node, tokens: Tokens) -> None:
    client = await connect(token=tokens.valid(user_id=None, sub="eve"))
    assert client.auth is not None
    assert client.auth.data["user_id"] == "eve"
    client = await connect(token=tokens.valid("ann", sub="eve"))
    assert client.auth is not None
    assert client.auth.data["user_id"] == "ann"


@clause(
    "AUTH-028",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="Where an audience is configured, a token for another one, or for none, is refused.",
)
@pytest.mark.parametrize("audience", ["elsewhere", None])
async def test_audience(connect: Connect, fresh: Fresh, tokens: Tokens, audience: str | None) -> None:
    node = await fresh(tokens={"audience": "bodhisattva"})
    await assert_token_rejected(connect, node, tokens.valid(permissions=["admin"], aud=audience))
    client = await connect(node, token=tokens.valid(aud=["others", "bodhisattva"]))
    assert client.welcome is not None
