from unittest.mock import patch

from bodhisattva.servers.core.transport.acceptor import Acceptor

CLAUSE = "SECURITY-030"
WRONG = "waits for the end of a TLS handshake for as long as it takes"
SAYS = "in vain for: the end of the TCP connection"

opened = Acceptor.open


async def open_patiently(acceptor: Acceptor, protocol: object, context: object, handshake: float) -> None:
    await opened(acceptor, protocol, context, 3600.0)  # type: ignore[arg-type]


def mutate() -> None:
    patch.object(Acceptor, "open", open_patiently).start()
