"""Each way in and each end of a token, where one of them is easily forgotten (2)."""

import asyncio
import time
from contextlib import suppress
from itertools import count

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import PATIENCE, units
from bodhisattva.fixtures.fixture_types import AllowTime, Connect, Fresh, Raw
from bodhisattva.fixtures.frames import Opcode
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.suites.auth.rejected_tokens import assert_token_rejected
from bodhisattva.suites.lifecycle.rejected_start import assert_start_rejected

POLICY_VIOLATION = 1008
PUBLISHED = "dev-secret-change-in-production"
LIFE = 3  # seconds of a short token
PINGS = 5  # in the time for authentication
LONGER = 6  # times the time for authentication; half of it leaves room for a slow machine


@clause(
    "AUTH-300",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="Where an audience is configured, a token whose list of audiences lacks it is refused, by header too.",
)
@pytest.mark.parametrize("audience", [["elsewhere"], ["elsewhere", "others"], []], ids=["one", "two", "none"])
async def test_list_of_other_audiences(
    connect: Connect, raw: Raw, fresh: Fresh, tokens: Tokens, audience: list[str]
) -> None:
    node = await fresh(tokens={"audience": "bodhisattva"})
    token = tokens.valid(permissions=["admin"], aud=audience)
    await assert_token_rejected(connect, node, token)
    peer = await raw(node, upgrade=False)
    status = (await peer.upgrade(headers={"Authorization": f"Bearer {token}"})).status
    assert status == 401, f"the audiences {audience} in the header were answered with HTTP {status}"


@clause(
    "AUTH-301",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="secure",
    text="The time for authentication begins with the upgrade: ping and pong frames do not prolong it.",
)
async def test_frames_do_not_prolong_authentication(raw: Raw, node: Node, allow_time: AllowTime) -> None:
    bound = float((await node.limits())["auth_timeout"])
    allow_time(LONGER * bound / units(1))
    peer = await raw()
    begun = time.monotonic()
    ended = asyncio.create_task(peer.closed(LONGER * bound / units(1)))
    for n in count():
        await asyncio.wait({ended}, timeout=bound / PINGS)  # between the frames
        if ended.done():
            break
        with suppress(ConnectionError):
            await peer.frame(Opcode.PING if n % 2 else Opcode.PONG, b"alive")
    closed, took = ended.result(), time.monotonic() - begun
    assert closed.code == POLICY_VIOLATION, f"closed with {closed.code} after {took:.1f} s"
    assert took < LONGER * bound / 2, f"frames prolonged the {bound:g} s for authentication to {took:.1f} s"


@clause(
    "AUTH-302",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="A connection that authenticated by the header ends with its token: TOKEN_EXPIRED and close 1008.",
)
async def test_header_connection_ends_with_its_token(connect: Connect, node: Node, tokens: Tokens) -> None:
    token = tokens.valid("ann", exp=time.time() + units(LIFE))
    client = await connect(authenticate=False, headers={"Authorization": f"Bearer {token}"})
    await client.event("session.created")
    closed = await client.closed(LIFE + PATIENCE)
    assert closed.code == POLICY_VIOLATION, f"closed with {closed.code}"
    assert "TOKEN_EXPIRED" in [message.error_code for message in client.inbox], "no TOKEN_EXPIRED before the close"


@clause(
    "AUTH-303",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="A private channel belongs to the user whose whole id follows its kind, colons and all.",
    services=("mahavishnu",),
)
@pytest.mark.parametrize("owner", ["b:ann", "ann:b", "ann:", ":ann"])
async def test_private_channel_of_a_user_with_colons(connect: Connect, sample: RequestSamples, owner: str) -> None:
    private = sample.private(owner)
    assert private is not None
    stranger, own = await connect(user="ann"), await connect(user=owner)
    for request in ("subscribe", "history"):
        refused = await stranger.refusal(request, {"channel": private.channel})
        assert refused.error_code == "FORBIDDEN", f"ann may {request} the channel of {owner}"
    await own.subscribe(private.channel)
    await own.answer(*private.call)
    assert sample.concerns(await own.event(private.event, private.channel))


@clause(
    "AUTH-304",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="A published secret is refused at the start however it is lengthened or written.",
)
@pytest.mark.parametrize(
    "secret",
    [PUBLISHED, f"{PUBLISHED}-and-more-of-it", PUBLISHED.upper(), f"  {PUBLISHED}  ", PUBLISHED * 2],
    ids=["as it is", "longer", "upper case", "blanks", "twice"],
)
async def test_published_secret_is_refused(fresh: Fresh, secret: str) -> None:
    line = await assert_start_rejected(await fresh(wait=False, tokens={"secret": secret}), "secret")
    assert secret.strip() not in line
