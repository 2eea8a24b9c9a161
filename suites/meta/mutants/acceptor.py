"""Servers that are wrong in how they accept sockets and hold them until the TLS handshake is over."""

import dataclasses
import socket
import ssl
from typing import Any

import msgspec

from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.transport import acceptor
from bodhisattva.servers.core.transport.acceptor import Acceptor
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "SECURITY-231",
    wrong="keeps the place of a socket that has ended",
    failure="in vain for: a place after silent sockets have ended",
)
def keeps_the_places_of_silent_sockets(inject: Inject) -> None:
    def keep(_: Acceptor) -> None:
        """Nothing is free."""

    inject(Acceptor, "_freed", keep)


@mutant(
    "TLS-025",
    wrong="resumes TLS sessions of clients whose authority is no longer trusted",
    failure="clients of the former authority are shut out",
)
def resumes_sessions_of_former_authorities(inject: Inject) -> None:
    opened = Acceptor.open
    first: list[ssl.SSLContext] = []

    async def open_and_remember(acceptor: Acceptor, protocol: Any, context: ssl.SSLContext, handshake: float) -> None:
        first.append(context)
        await opened(acceptor, protocol, context, handshake)

    def swap_in_the_handshake(_: Acceptor, context: ssl.SSLContext) -> None:
        def swap(handshake: ssl.SSLObject, *_: object) -> None:
            handshake.context = context

        first[0].sni_callback = swap

    inject(Acceptor, "open", open_and_remember)
    inject(Acceptor, "renew", swap_in_the_handshake)


@mutant(
    "SECURITY-030",
    wrong="waits for the end of a TLS handshake for as long as it takes",
    failure="in vain for: the end of the TCP connection",
)
def waits_for_tls_as_long_as_it_takes(inject: Inject) -> None:
    opened = Acceptor.open

    async def open_patiently(acceptor: Acceptor, protocol: object, context: object, handshake: float) -> None:
        await opened(acceptor, protocol, context, 3600.0)  # type: ignore[arg-type]

    inject(Acceptor, "open", open_patiently)


@mutant(
    "SECURITY-031",
    wrong="gives a TLS handshake and the upgrade no longer than the first message",
    failure="DID NOT RAISE",
)
def hurries_handshakes(inject: Inject) -> None:
    opened = Server.open

    async def open_in_a_hurry(server: Server) -> None:
        given, timeouts = server.settings.value, server.config.timeouts
        hurried = msgspec.structs.replace(timeouts, handshake=timeouts.auth)
        config = msgspec.structs.replace(given.config, timeouts=hurried)
        server.settings.value = dataclasses.replace(given, config=config)
        await opened(server)
        server.settings.value = given

    inject(Server, "open", open_in_a_hurry)


@mutant("LIFECYCLE-010", wrong="ends with a traceback if its port is in use", failure="it ended with 1")
def ends_with_a_traceback_if_its_port_is_taken(inject: Inject) -> None:
    def listen(host: str, port: int) -> socket.socket:
        return socket.create_server((host, port))

    inject(acceptor, "listen", listen)
