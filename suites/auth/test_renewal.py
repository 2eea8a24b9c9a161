"""Renewing a connection's token (2, Tokens)."""

import asyncio
from datetime import datetime

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.endings import Close
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.outcome import Unjudged
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.degradation.stalled_reader import HIGH_MESSAGE_RATE

AT_ONCE = 20
CROWD = 8  # of one alone, by chance, nothing may be under way when its token ends
BRIEF = 0.001  # seconds, shorter than the interval in which a service checks its connections


@clause(
    "AUTH-040",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A token of another user, or one that is refused, does not renew a connection, which goes on as it was.",
)
async def test_refused_renewal_changes_nothing(
    connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens
) -> None:
    client = await connect(user="ann", permissions=[f"{node.service}:read"])
    for token in (
        tokens.valid("bob", ["admin"]),
        tokens.expired("ann", ["admin"]),
        tokens.wrong_secret("ann", ["admin"]),
        tokens.unsigned("ann", ["admin"]),
        "",
        None,
    ):
        refused = await client.refusal("refresh_token", {"token": token})
        assert refused.error_code == "AUTH_FAILED"
    assert (await client.refusal(*sample.command())).error_code == "FORBIDDEN", "a refused token gave permissions"
    await client.subscribe(sample.channel())
    assert client.ended is None


@clause(
    "AUTH-041",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="Channels that a renewed token no longer allows are left, each with the event subscription.revoked.",
)
async def test_renewal_revokes_channels(connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens) -> None:
    client = await connect(user="ann", permissions=[f"{node.service}:read"])
    channels = {sample.channel(), "global"}
    for channel in channels:
        await client.subscribe(channel)
    await client.answer("refresh_token", {"token": tokens.valid("ann", [])})
    notices = [await client.event("subscription.revoked") for _ in channels]
    assert {notice.data["channel"] for notice in notices} == channels
    await (await connect()).answer(*sample.command())
    assert not await client.fence(), "events of a revoked channel"
    assert (await client.refusal(*sample.readback().call)).error_code == "FORBIDDEN"


@clause(
    "AUTH-042",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A renewed connection keeps the channels that its new token allows, and outlives the old one.",
)
async def test_renewed_connection_goes_on(connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens) -> None:
    short = tokens.valid("ann", [f"{node.service}:read"], lifetime=3)
    renewed, left = await connect(token=short), await connect(token=short)
    await renewed.subscribe(sample.channel())
    await renewed.answer("refresh_token", {"token": tokens.valid("ann", [f"{node.service}:read"])})
    assert (await left.closed(within=10)).code == 1008
    await (await connect()).answer(*sample.command())
    await renewed.event(sample.event, sample.channel(), where=sample.concerns)
    assert not [e for e in await renewed.fence() if e.event == "subscription.revoked"]


@clause(
    "AUTH-043",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A token that ends on a live connection is announced by one auth.expiring, within the claimed warning time.",
)
async def test_end_is_announced(connect: Connect, node: Node, tokens: Tokens) -> None:
    warning = (await node.limits())["expiry_warning"]
    client = await connect(token=tokens.valid("ann", lifetime=3))
    await client.closed(within=10)
    notices = [e for e in client.inbox if e.event == "auth.expiring"]
    assert len(notices) == 1, f"announced {len(notices)} times"
    assert (notices[0].type, notices[0].room) == ("event", None)
    assert 0 < notices[0].data["expires_in"] <= min(warning, 3)
    assert client.inbox[-1].error_code == "TOKEN_EXPIRED", "not the last message"


@clause(
    "AUTH-280",
    level="MUST",
    section="2",
    feature="auth",
    profile="secure",
    text="The end of a token is announced before it, however short the configured warning time is.",
)
async def test_a_short_warning_is_not_missed(fresh: Fresh, connect: Connect) -> None:
    node = await fresh(tokens={"expiry_warning": BRIEF})
    client = await connect(node, token=node.tokens.valid("ann", lifetime=2))
    await client.closed(within=10)
    announced = [e.event or e.error_code for e in client.inbox if e.event == "auth.expiring" or e.type == "error"]
    assert announced == ["auth.expiring", "TOKEN_EXPIRED"]


@clause(
    "AUTH-044",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A connection ends with its token, not before it: error TOKEN_EXPIRED, then close 1008.",
)
async def test_end_of_a_token_ends_its_connection(
    connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens
) -> None:
    token = tokens.valid("ann", [f"{node.service}:read"], lifetime=2)
    client = await connect(token=token)
    await client.subscribe(sample.channel())
    await (await connect()).answer(*sample.command())
    await client.event(sample.event, sample.channel(), where=sample.concerns)
    error = await client.error("TOKEN_EXPIRED", within=10)
    assert client.auth is not None
    ended, end = (datetime.fromisoformat(instant) for instant in (error.timestamp, client.auth.data["expires_at"]))
    assert ended >= end, f"ended at {ended}, before the token's end at {end}"
    assert error.correlation_id is None
    close: Close = await client.closed()
    assert close.code == 1008


@clause(
    "AUTH-045",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="core",
    text="auth on an authenticated connection is answered once more and never makes it another user's; there is no "
    "second welcome.",
)
async def test_authenticating_again(connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens) -> None:
    client = await connect(user="ann", permissions=[f"{node.service}:read"])
    foreign = await client.refusal("auth", {"token": tokens.valid("bob", ["admin"])})
    assert foreign.error_code == "AUTH_FAILED"
    assert (await client.refusal(*sample.command())).error_code == "FORBIDDEN", "another user's permissions count"
    again = await client.answer("auth", {"token": tokens.valid("ann", [f"{node.service}:read"])})
    assert (again.data["status"], again.data["user_id"]) == ("authenticated", "ann")
    assert not await client.fence(), "more than an answer"


@clause(
    "AUTH-173",
    level="MUST",
    section="1",
    feature="auth",
    profile="secure",
    text="Whatever takes effect is answered, also where its token ends meanwhile: before error TOKEN_EXPIRED and close "
    "1008.",
)
async def test_what_took_effect_before_the_end_is_answered(
    fresh: Fresh, connect: Connect, sample: RequestSamples
) -> None:
    node = await fresh(limits=HIGH_MESSAGE_RATE, tokens={"expiry_warning": 0.5})
    watcher = await connect(node)
    await watcher.subscribe("global")
    may = [f"{node.service}:write"]

    async def crowd(n: int) -> tuple[WireClient, list[str]]:
        client = await connect(node, token=node.tokens.valid(f"ann-{n}", may, lifetime=3))
        return client, await _request_until_the_end(client, sample, n)

    crowded = await asyncio.gather(*(crowd(n) for n in range(CROWD)))
    answers = 0
    for client, names in crowded:
        answered = [envelope.correlation_id for envelope in client.inbox if envelope.type == "response"]
        assert answered == names[: len(answered)], "not each answered once, in order"
        assert client.inbox[-1].error_code == "TOKEN_EXPIRED", "not the last message"
        assert (await client.closed()).code == 1008
        answers += len(answered)
    effects = [event for event in await watcher.fence() if event.event == sample.event]
    assert len(effects) == answers, f"{answers} answers to {len(effects)} commands that took effect"
    if not answers:
        raise Unjudged("no command was under way when the tokens ended: the machine was too busy")


async def _request_until_the_end(client: WireClient, sample: RequestSamples, who: int) -> list[str]:
    """The ids of the commands that were on their way, one after the other, when the token ended and before."""
    await client.event("auth.expiring", within=10)
    sent: list[str] = []

    async def keep_on() -> bool:
        for _ in range(AT_ONCE if client.ended is None else 0):
            event, data = sample.command(f"{who}-{len(sent)}-")
            sent.append(str(len(sent)))
            await client.send({"type": "request", "id": sent[-1], "event": event, "data": data})
        return client.ended is not None

    await eventually(keep_on, "the end of the token", every=0)
    return sent
