"""Tokens that are taken back before their end (2, Tokens)."""

import jwt
import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.endings import HandshakeRefused
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.auth.rejected_tokens import AUTHENTICATION_FAILED, assert_token_rejected

FILE = "revoked.txt"


async def revoke(node: Node, connect: Connect, *tokens: str) -> None:
    """Take these back; done when the last of them is refused."""
    names = [jwt.decode(token, options={"verify_signature": False})["jti"] for token in tokens]
    await node.place(FILE, "".join(f"{name}\n" for name in names))
    await node.configure(tokens={"revoked_file": FILE})
    await node.reload()

    async def refused() -> bool:
        client = await connect(node, authenticate=False)
        return bool((await client.request("auth", {"token": tokens[-1]})).type == "error")

    await eventually(refused, "the revoked token is refused")


@clause(
    "AUTH-066",
    level="MUST",
    section="2",
    feature="revocation",
    profile="secure",
    text="A token whose jti is revoked is refused, in the first message and in the header; others of the user are not.",
)
async def test_revoked_token(fresh: Fresh, connect: Connect) -> None:
    node = await fresh()
    stolen, kept = node.tokens.usual(node.service), node.tokens.usual(node.service)
    client = await connect(node, token=stolen)
    await client.close()
    await revoke(node, connect, stolen)
    await assert_token_rejected(connect, node, stolen)
    with pytest.raises(HandshakeRefused) as refused:
        await connect(node, authenticate=False, headers={"Authorization": f"Bearer {stolen}"})
    assert refused.value.status == 401
    await connect(node, token=kept)


@clause(
    "AUTH-067",
    level="SHOULD",
    section="2",
    feature="revocation",
    profile="secure",
    text="A live connection whose token is revoked gets AUTH_FAILED and is closed; the user's others go on.",
)
async def test_revocation_ends_live_connections(fresh: Fresh, connect: Connect) -> None:
    node = await fresh()
    stolen = node.tokens.usual(node.service)
    thief, owner = await connect(node, token=stolen), await connect(node)
    await revoke(node, connect, stolen)
    error = await thief.error("AUTH_FAILED")
    assert error.correlation_id is None
    assert await thief.closed() == AUTHENTICATION_FAILED
    await owner.fence()


@clause(
    "AUTH-068",
    level="MUST",
    section="2",
    feature="revocation",
    profile="secure",
    text="A revoked token does not renew a connection: refresh_token answers AUTH_FAILED, and the connection goes on.",
)
async def test_revoked_token_renews_nothing(fresh: Fresh, connect: Connect) -> None:
    node = await fresh()
    client = await connect(node)
    stolen = node.tokens.usual(node.service)
    await revoke(node, connect, stolen)
    assert (await client.refusal("refresh_token", {"token": stolen})).error_code == "AUTH_FAILED"
    await client.fence()
