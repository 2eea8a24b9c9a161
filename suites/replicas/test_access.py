"""Who may connect is the same at every replica: what was taken back, and how many connections there may be (2)."""

import asyncio
import os
import sys
from collections.abc import Sequence

import jwt
import msgspec

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import TimedOut, eventually
from bodhisattva.fixtures.fixture_types import Connect, Raw
from bodhisattva.fixtures.frames import Opcode, encode
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.stack.redis import Redis
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.auth.rejected_tokens import AUTHENTICATION_FAILED, assert_token_rejected
from bodhisattva.suites.replicas.cluster import Start

AT_CAPACITY = 1013
FREED = 15.0
"""Units within which nothing is left of a replica that died."""

COMMAND = (sys.executable, "-m", "bodhisattva.servers.cli", "token", "revoke")


async def revoke(store: Redis, token: str) -> None:
    """Take a token back in the store of some replicas, as their operator does."""
    name = jwt.decode(token, options={"verify_signature": False})["jti"]
    section = store.section("cluster", loopback=True)
    settings = {f"BODHISATTVA_LOG__{key.upper()}": value for key, value in section.items()}
    process = await asyncio.create_subprocess_exec(*COMMAND, name, env=os.environ | settings)
    assert await process.wait() == 0, "the token could not be revoked"


async def one_too_many(connect: Connect, node: Node, token: str) -> bool:
    """Whether a connection is turned away for want of room, at once or a moment after its welcome."""
    client = await connect(node, authenticate=False)
    await client.send({"type": "request", "id": "auth", "event": "auth", "data": {"token": token}})
    try:
        return (await client.closed(within=2)).code == AT_CAPACITY
    except TimedOut:
        return False
    finally:
        await client.close()


async def filled(connect: Connect, positions: Sequence[Node], over: Node, token: str) -> list[WireClient]:
    """Clients that hold all places of a user, while one more at `over` is turned away.

    Two that come at nearly the same time may be counted in either order, and then one of these clients is the one
    too many: they come again.
    """

    async def full() -> list[WireClient] | None:
        held = [await connect(node, token=token) for node in positions]
        if await one_too_many(connect, over, token) and all(client.ended is None for client in held):
            return held
        for client in held:
            await client.close()
        return None

    return await eventually(full, "one connection more than the cap to be turned away", FREED)


@clause(
    "REPLICAS-040",
    level="MUST",
    section="2",
    feature="replicas",
    profile="scaled",
    text="A token that is revoked once is refused at every replica, and ends its connection wherever that is.",
)
async def test_revocation_reaches_every_replica(service: str, cluster: Start, connect: Connect) -> None:
    made = await cluster(service)
    one, two = made.replicas
    stolen = one.tokens.usual(service)
    thieves = [await connect(node, token=stolen) for node in (one, two)]
    owner = await connect(two)
    await revoke(made.store, stolen)
    for thief in thieves:
        await thief.error("AUTH_FAILED")
        assert await thief.closed() == AUTHENTICATION_FAILED
    for node in (one, two):
        await assert_token_rejected(connect, node, stolen)
    await owner.fence()


@clause(
    "REPLICAS-041",
    level="MUST",
    section="2.2",
    feature="replicas",
    profile="scaled",
    text="A user's connections count at all replicas: one beyond the cap is closed 1013, at whichever replica it is, "
    "and the others, and other users, go on.",
)
async def test_users_cap_counts_everywhere(service: str, cluster: Start, connect: Connect) -> None:
    one, two = (await cluster(service, limits={"connections_per_user": 2})).replicas
    token = one.tokens.valid("ann", [f"{service}:read"])
    other = await connect(two, user="bob", permissions=[])
    kept = [other, *await filled(connect, (one, two), one, token)]
    assert await one_too_many(connect, two, token), "one connection more than the cap is let in"
    for client in kept:
        await client.fence()


@clause(
    "REPLICAS-042",
    level="MUST",
    section="2.5",
    feature="replicas",
    profile="scaled",
    text="A replica that is killed gives back the places of its users within seconds.",
)
async def test_killed_replica_holds_no_place(service: str, cluster: Start, connect: Connect) -> None:
    one, two = (await cluster(service, limits={"connections_per_user": 1})).replicas
    token = one.tokens.valid("ann", [f"{service}:read"])
    await filled(connect, (one,), two, token)
    await one.kill()

    async def let_in() -> bool:
        return not await one_too_many(connect, two, token)

    await eventually(let_in, "the places of a killed replica are free", FREED, every=0.5)


@clause(
    "REPLICAS-043",
    level="MUST",
    section="2",
    feature="replicas",
    profile="scaled",
    text="A subscription that was requested just before the token was renewed is not kept where the new token does "
    "not allow it, however long the replica reads the log before it answers.",
)
async def test_renewal_holds_for_pending_requests(
    raw: Raw, connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens
) -> None:
    peer = await raw()
    await peer.authenticate(tokens.valid("ann", [f"{node.service}:read"]))
    requests = {"subscribe": {"channel": sample.channel()}, "refresh_token": {"token": tokens.valid("ann", [])}}
    messages = [{"type": "request", "id": name, "event": name, "data": data} for name, data in requests.items()]
    await peer.send(b"".join(encode(Opcode.TEXT, msgspec.json.encode(message)) for message in messages))
    answered = set[str | None]()
    while not answered.issuperset(requests):
        answered.add((await peer.envelope()).correlation_id)
    await (await connect()).answer(*sample.command())
    await peer.text({"type": "ping", "id": "fence"})
    while (received := await peer.envelope()).correlation_id != "fence":
        assert received.event != sample.event, "an event of a channel that the new token does not allow"
