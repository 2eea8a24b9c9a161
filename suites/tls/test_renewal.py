"""Certificates renewed under live connections (7)."""

from bodhisattva.fixtures.certificates import Authority, Certificate
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Fresh, Raw
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.suites.security.idle_sockets import IDLE_EXTRA, MAX_PENDING, closed_peers, open_idle
from bodhisattva.suites.tls.contexts import served_certificate, wait_for_certificate

RENEWAL = 15.0


@clause(
    "TLS-016",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="After SIGHUP new connections are shown the renewed certificate, and those that were open go on.",
)
async def test_reload_swaps_certificate_under_live_connections(
    fresh: Fresh, connect: Connect, certificates: Authority, sample: RequestSamples
) -> None:
    node = await fresh()
    before = await connect(node)
    await before.subscribe(sample.channel())
    renewed = certificates.server()
    await node.install(renewed)
    await node.reload()
    await wait_for_certificate(node, renewed, RENEWAL)
    after = await connect(node)
    await after.answer(*sample.command())
    await before.event(sample.event, sample.channel())
    sample.readback().check(await before.answer(*sample.readback().call))


@clause(
    "TLS-017",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A reload that finds an expired or broken certificate changes nothing: the one in use goes on being shown.",
)
async def test_reload_of_bad_certificate_changes_nothing(
    fresh: Fresh, connect: Connect, certificates: Authority
) -> None:
    node = await fresh()
    client = await connect(node)
    in_use = await served_certificate(node)
    assert in_use is not None
    for bad in (certificates.expired(), Certificate(b"no certificate", b"no key")):
        earlier = await node.log()
        await node.install(bad)
        await node.reload()

        async def is_logged(earlier: str = earlier) -> bool:
            return "server.pem" in (await node.log()).removeprefix(earlier)

        await eventually(is_logged, "a line of the log about the certificate", RENEWAL)
        assert await served_certificate(node) == in_use
        await connect(node)
        assert (await client.request("ping")).type == "pong"


@clause(
    "TLS-018",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A renewed certificate file is taken up without a signal, and open connections go on.",
)
async def test_renewed_file_is_taken_up(fresh: Fresh, connect: Connect, certificates: Authority) -> None:
    node = await fresh()
    client = await connect(node)
    renewed = certificates.server()
    await node.install(renewed)
    await wait_for_certificate(node, renewed, RENEWAL)
    assert (await client.request("ping")).type == "pong"


@clause(
    "TLS-230",
    level="MUST",
    section="4",
    feature="tls",
    profile="secure",
    text="After the certificate is renewed, too, sockets over the number that may be pending are closed at once, "
    "and connected clients are answered meanwhile.",
)
async def test_reload_keeps_the_limit_of_pending_sockets(
    fresh: Fresh, connect: Connect, raw: Raw, certificates: Authority
) -> None:
    node = await fresh(limits={"pending_connections": MAX_PENDING}, timeouts={"handshake": 60})
    client = await connect(node)
    renewed = certificates.server()
    await node.install(renewed)
    await node.reload()
    await wait_for_certificate(node, renewed, RENEWAL)
    peers = await open_idle(raw, node, IDLE_EXTRA)
    assert (await client.request("ping")).type == "pong"
    await eventually(lambda: len(closed_peers(peers)) >= IDLE_EXTRA - MAX_PENDING, "the end of sockets over the limit")
