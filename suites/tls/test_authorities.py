"""Clients' authorities renewed under live connections (7)."""

import asyncio
import socket
import ssl

from bodhisattva.fixtures.certificates import Authority, Certificate, trusting
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import PATIENCE, eventually, units
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.tls.mutual import spawn_mutual
from bodhisattva.suites.tls.test_renewal import RENEWAL

FILE = "client-ca.pem"
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@clause(
    "TLS-025",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="A renewed client authority decides about new connections, those that would resume an earlier TLS session "
    "among them; those that are open go on. A broken one changes nothing, and the log names the file.",
)
async def test_renewed_authority_decides(
    fresh: Fresh, connect: Connect, certificates: Authority, sample: RequestSamples
) -> None:
    node = await spawn_mutual(fresh, certificates)
    await node.place(FILE, certificates.pem.decode())
    await node.configure(tls={"client_ca": FILE})
    await node.reload()
    client, newer = await connect(node), Authority()
    returning = [Returning(node, certificates.client(), version) for version in VERSIONS]
    assert all([await each.gets_in() for each in returning]), "a client of the authority in force is refused"
    earlier = await node.log()
    await node.place(FILE, "no certificate")
    await node.reload()

    async def is_logged() -> bool:
        return FILE in (await node.log()).removeprefix(earlier)

    await eventually(is_logged, "the log names the file", RENEWAL)
    assert all([await each.gets_in() for each in returning]), "a broken file took an authority out of force"
    await node.place(FILE, newer.pem.decode())
    await node.reload()

    async def shut_out() -> bool:
        return not any([await each.gets_in() for each in returning])

    await eventually(shut_out, "clients of the former authority are shut out", RENEWAL)
    await connect(node, trust=trusting(node.ca, newer.client()))
    await client.answer(*sample.command())


class Returning:
    """A client that offers the TLS session of its last connection, if it was given one."""

    def __init__(self, node: Node, certificate: Certificate, version: ssl.TLSVersion) -> None:
        self._node = node
        self._trust = trusting(node.ca, certificate)
        self._trust.minimum_version = self._trust.maximum_version = version
        self._session: ssl.SSLSession | None = None

    async def gets_in(self) -> bool:
        return await asyncio.to_thread(self._is_ready)

    def _is_ready(self) -> bool:
        """Whether a question by HTTP is answered."""
        try:
            with (
                socket.create_connection((self._node.host, self._node.port), timeout=units(PATIENCE)) as plain,
                self._trust.wrap_socket(plain, server_hostname=self._node.host, session=self._session) as peer,
            ):
                peer.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answered = peer.recv(12) == b"HTTP/1.1 200"
                self._session = peer.session
                return answered
        except OSError:
            return False
