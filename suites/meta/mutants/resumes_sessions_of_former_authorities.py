import ssl
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.transport.acceptor import Acceptor

CLAUSE = "TLS-025"
WRONG = "resumes TLS sessions of clients whose authority is no longer believed"
SAYS = "clients of the former authority are shut out"

opened = Acceptor.open
first: list[ssl.SSLContext] = []


async def open_and_remember(acceptor: Acceptor, protocol: Any, context: ssl.SSLContext, handshake: float) -> None:
    first.append(context)
    await opened(acceptor, protocol, context, handshake)


def swap_in_the_handshake(_: Acceptor, context: ssl.SSLContext) -> None:
    def swap(handshake: ssl.SSLObject, *_: object) -> None:
        handshake.context = context

    first[0].sni_callback = swap


def mutate() -> None:
    patch.object(Acceptor, "open", open_and_remember).start()
    patch.object(Acceptor, "renew", swap_in_the_handshake).start()
