"""Tokens that are signed with a private key, and keys that change while a service runs (2, Tokens)."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.signing import KINDS, KeyPair, jwks
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.suites.auth.rejected_tokens import assert_token_rejected

FILE = "jwks.json"
PUBLISHED = "your-secret-key-change-in-production-please"


async def give_keys(node: Node, connect: Connect, *pairs: KeyPair) -> None:
    """Put these keys in force without a restart: done when the last of them is believed."""
    await node.place(FILE, jwks(*pairs))
    await node.configure(tokens={"jwks_file": FILE})
    await node.reload()
    await believes(node, connect, pairs[-1].usual(node.tokens, node.service))


async def believes(node: Node, connect: Connect, token: str) -> None:
    async def taken() -> bool:
        return await is_taken(node, connect, token)

    await eventually(taken, "the token is accepted")


async def is_taken(node: Node, connect: Connect, token: str) -> bool:
    client = await connect(node, authenticate=False)
    return bool((await client.request("auth", {"token": token})).type == "response")


@clause(
    "AUTH-060",
    level="MUST",
    section="2",
    feature="public_keys",
    profile="secure",
    text="Tokens signed with RS256, ES256 or EdDSA are judged by the public keys of a JWKS file, each by its kid.",
)
async def test_keys_of_every_kind(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh()
    pairs = [KeyPair(algorithm, f"key-{algorithm}") for algorithm in KINDS]
    await give_keys(node, connect, *pairs)
    for number, pair in enumerate(pairs):
        client = await connect(node, token=pair.usual(node.tokens, node.service))
        await client.answer(*sample.command(number))


@clause(
    "AUTH-061",
    level="MUST",
    section="2",
    feature="public_keys",
    profile="secure",
    text="A token signed with a key that is not in force, or that names another key than signed it, is refused.",
)
async def test_wrong_keys(fresh: Fresh, connect: Connect) -> None:
    node = await fresh()
    ours, other = KeyPair("ES256", "ours"), KeyPair("EdDSA", "other")
    await give_keys(node, connect, other, ours)
    usual = node.tokens.usual(node.service)
    await assert_token_rejected(connect, node, KeyPair("ES256", "ours").sign(usual))
    await assert_token_rejected(connect, node, KeyPair("RS256", "ours").sign(usual))
    await assert_token_rejected(connect, node, ours.sign(usual, kid="other"))
    await assert_token_rejected(connect, node, ours.sign(usual, kid="nobody"))


@clause(
    "AUTH-062",
    level="MUST",
    section="2",
    feature="public_keys",
    profile="secure",
    text="A public key is no secret: a token signed by HMAC with its text is refused.",
)
async def test_public_key_is_no_secret(fresh: Fresh, connect: Connect) -> None:
    node = await fresh()
    pair = KeyPair("RS256", "ours")
    await give_keys(node, connect, pair)
    usual = node.tokens.usual(node.service)
    for text in (pair.pem, pair.pem.strip(), json.dumps(pair.jwk)):
        await assert_token_rejected(connect, node, hmac_signed(usual, text.encode(), "ours"))


def hmac_signed(token: str, secret: bytes, kid: str) -> str:
    """What PyJWT refuses to make: HS256 with a public key's text."""
    claims = jwt.decode(token, options={"verify_signature": False})
    signed = b".".join(segment(part) for part in ({"alg": "HS256", "typ": "JWT", "kid": kid}, claims))
    mac = hmac.new(secret, signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def segment(part: dict[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


@clause(
    "AUTH-063",
    level="MUST",
    section="2",
    feature="public_keys",
    profile="secure",
    text="Keys rotate without a restart: old and new hold side by side, then the old no more, and no connection drops.",
)
async def test_keys_rotate(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh()
    old, new = KeyPair("ES256", "2025"), KeyPair("ES256", "2026")
    await give_keys(node, connect, old)
    before = await connect(node, token=old.usual(node.tokens, node.service))
    await give_keys(node, connect, old, new)
    assert await is_taken(node, connect, old.usual(node.tokens, node.service)), "the old key holds beside the new"
    await node.place(FILE, jwks(new))
    await node.reload()

    async def gone() -> bool:
        return not await is_taken(node, connect, old.usual(node.tokens, node.service))

    await eventually(gone, "the old key is refused")
    assert await is_taken(node, connect, new.usual(node.tokens, node.service))
    await before.answer(*sample.command())


@clause(
    "AUTH-064",
    level="MUST",
    section="2",
    feature="public_keys",
    profile="secure",
    text="A public key in a PEM file judges tokens too.",
)
async def test_public_key_file(fresh: Fresh, connect: Connect) -> None:
    node = await fresh()
    pair = KeyPair("EdDSA")
    await node.place("public.pem", pair.pem)
    await node.configure(tokens={"public_key": "public.pem"})
    await node.reload()
    await believes(node, connect, pair.usual(node.tokens, node.service))
    await assert_token_rejected(connect, node, KeyPair("EdDSA").usual(node.tokens, node.service))


@clause(
    "AUTH-065",
    level="MUST",
    section="2",
    feature="public_keys",
    profile="secure",
    text="A JWKS file that cannot be used changes nothing: the keys in force go on, and the log names the file.",
)
async def test_broken_keys_change_nothing(fresh: Fresh, connect: Connect) -> None:
    node = await fresh()
    pair = KeyPair("ES256", "ours")
    await give_keys(node, connect, pair)
    earlier = await node.log()
    await node.place(FILE, '{"keys": [{"kty": "RSA"}]}')
    await node.reload()

    async def is_logged() -> bool:
        return FILE in (await node.log()).removeprefix(earlier)

    await eventually(is_logged, "the log names the file")
    assert await is_taken(node, connect, pair.usual(node.tokens, node.service))


@clause(
    "AUTH-069",
    level="MUST",
    section="2",
    feature="public_keys",
    profile="secure",
    text="A secret of a JWKS file that is short or published is never in force, and the log names the file, not the "
    "secret.",
)
async def test_weak_secret_among_keys_is_refused(fresh: Fresh, connect: Connect) -> None:
    node = await fresh()
    await node.configure(tokens={"jwks_file": FILE})
    for weak in ("thirty-one-bytes-are-not-enough", PUBLISHED):
        earlier = await node.log()
        encoded = base64.urlsafe_b64encode(weak.encode()).decode().rstrip("=")
        await node.place(FILE, json.dumps({"keys": [{"kty": "oct", "k": encoded}]}))
        await node.reload()

        async def is_logged(before: str = earlier) -> bool:
            return FILE in (await node.log()).removeprefix(before)

        await eventually(is_logged, "the log names the file")
        assert not [text for text in (weak, encoded) if text in await node.log()], "the log shows the secret"
    await assert_token_rejected(connect, node, Tokens(PUBLISHED).usual(node.service))
