"""Services that show certificates to each other (7, 8)."""

from bodhisattva.fixtures.certificates import Authority
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Spawn
from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.suites.cross_service.workflow_effects import assert_effects_once, run_workflows, spawn_source
from bodhisattva.suites.tls.mutual import MUTUAL


@clause(
    "TLS-028",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A service shows the certificate of its peer's settings to a peer that takes its users from certificates, "
    "so that bridges work between services that require each other's certificates.",
    services=("mahavishnu", "fastblocks"),
)
async def test_bridge_shows_its_certificate(
    fleet: Stack, spawn: Spawn, connect: Connect, certificates: Authority
) -> None:
    users = {"client_user": "common_name", "client_permissions": {"fastblocks": ["mahavishnu:read"]}}
    source = await spawn_source(fleet, spawn, certificates, tls=MUTUAL | users)
    node = await spawn("fastblocks", peers={})
    await node.stop()
    shown = certificates.client("fastblocks")
    await node.place("peer.pem", shown.chain.decode())
    await node.place("peer.key", shown.key.decode())
    await node.configure(peers={"mahavishnu": {**source.peer, "certificate": "peer.pem", "key": "peer.key"}})
    await node.start()
    await assert_effects_once("fastblocks", await connect(node), await run_workflows(await connect(source)))
