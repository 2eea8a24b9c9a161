"""Connections that are slow to get as far as a request (2.5)."""

import asyncio
import time

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import TimedOut, units
from bodhisattva.fixtures.fixture_types import AllowTime, Connect, Fresh, Raw
from bodhisattva.fixtures.raw import RawPeer

MARGIN = 5.0
AUTH = 1.5
HALF_A_GREETING = b"\x16\x03\x01"
HALF_A_HEAD = b"GET /ws HTTP/1.1\r\nHost: local"


@clause(
    "SECURITY-030",
    level="MUST",
    section="2.5",
    feature="core",
    profile="secure",
    text="A connection that stops in the TLS handshake or in the head of its first request is cut once the claimed "
    "handshake timeout has passed, and not before; others go on.",
)
async def test_unfinished_arrival_is_cut(fresh: Fresh, connect: Connect, raw: Raw, allow_time: AllowTime) -> None:
    node = await fresh(timeouts={"handshake": units(2)})
    timeout = (await node.limits())["handshake_timeout"]
    allow_time(timeout)
    other = await connect(node)

    async def stopped_after(beginning: bytes, **options: None) -> float:
        begun = time.monotonic()
        peer = await raw(node, upgrade=False, **options)
        await peer.send(beginning)
        await peer.ended(timeout + MARGIN)
        return time.monotonic() - begun

    in_clear = [stopped_after(beginning, trust=None) for beginning in (b"", HALF_A_GREETING)]
    for seconds in await asyncio.gather(*(in_clear if node.secure else ()), stopped_after(HALF_A_HEAD)):
        assert seconds >= timeout * 0.9, f"cut after {seconds:.2f} s"
    await other.fence()


@clause(
    "SECURITY-031",
    level="MUST",
    section="2.3",
    feature="auth",
    profile="secure",
    text="The time to authenticate begins with the upgrade: to take longer than that before it is no failure.",
)
async def test_slow_arrival_is_no_failure(fresh: Fresh, raw: Raw) -> None:
    node = await fresh(timeouts={"auth": units(AUTH), "handshake": units(30)})
    before_tls, after_tls = await raw(node, upgrade=False, trust=None), await raw(node, upgrade=False)
    await asyncio.gather(_goes_on(before_tls), _goes_on(after_tls))
    if node.trust is not None:
        await before_tls.begin_tls(node.trust, node.host)
    for peer in (before_tls, after_tls):
        assert (await peer.upgrade()).status == 101
        await peer.authenticate(node.tokens.usual(node.service))


async def _goes_on(peer: RawPeer) -> None:
    """For longer than the auth timeout."""
    with pytest.raises(TimedOut):
        await peer.ended(AUTH * 1.2)
