"""Servers that are wrong in TLS."""

import asyncio.sslproto
import shutil
import ssl
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bodhisattva.servers.core.auth import peer_trust
from bodhisattva.servers.core.config import ConfigError, Peer, Tls
from bodhisattva.servers.core.transport import tls
from bodhisattva.suites.meta.inject import Inject, mutant

PROTOCOL = asyncio.sslproto.SSLProtocol
ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@mutant("TLS-009", wrong="answers plain HTTP on its TLS port in clear", failure="an answer in clear")
def answers_in_clear(inject: Inject) -> None:
    complete = PROTOCOL._on_handshake_complete

    def complete_in_clear(protocol: Any, failure: BaseException | None) -> None:
        if isinstance(failure, ssl.SSLError) and failure.reason == "HTTP_REQUEST":
            protocol._transport.write(ANSWER)
        complete(protocol, failure)

    inject(PROTOCOL, "_on_handshake_complete", complete_in_clear)


@mutant("TLS-028", wrong="shows no certificate to a peer that requires one", failure="workflows take effect")
def sends_peers_no_certificate(inject: Inject) -> None:
    context = peer_trust.context

    def anonymous(peer: Peer) -> object:
        return context(replace(peer, certificate=None, key=None))

    inject(peer_trust, "context", anonymous)


@mutant(
    "TLS-007",
    wrong="agrees to cipher suites without forward secrecy and without authenticated encryption",
    failure="the server agreed to",
)
def accepts_weak_suites(inject: Inject) -> None:
    suites = f"{tls.CIPHERS}:AES128-SHA:AES128-GCM-SHA256:ECDHE+AES:@SECLEVEL=0"
    inject.constant(tls, "CIPHERS", suites, reader=(tls, "server_context"))


@mutant(
    "TLS-006",
    wrong="agrees to a suite without authenticated encryption where the client offers one",
    failure="was agreed on",
)
def prefers_weak_suites(inject: Inject) -> None:
    weak = "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA"
    inject.constant(tls, "CIPHERS", f"{weak}:{tls.CIPHERS}:@SECLEVEL=0", reader=(tls, "server_context"))


@mutant("TLS-003", wrong="starts with a certificate that has expired", failure="in vain for: the end of")
def starts_with_an_expired_certificate(inject: Inject) -> None:
    def unchecked(*_: object) -> None:
        """However old it is."""

    inject(tls, "_check_validity", unchecked)


@mutant("TLS-011", wrong="accepts the certificates of every authority", failure="the service answered HTTP 101")
def accepts_every_client_certificate(inject: Inject) -> None:
    server_context = tls.server_context

    def believing_context(settings: Tls) -> ssl.SSLContext | None:
        context = server_context(settings)
        if context is not None:
            context.verify_mode = ssl.CERT_NONE
        return context

    inject(tls, "server_context", believing_context)


@mutant(
    "TLS-013",
    wrong="serves in clear what it was given a certificate for, but no key",
    failure="in vain for: the end of",
)
def falls_back_to_plain_text(inject: Inject) -> None:
    server_context = tls.server_context

    def if_whole(settings: Tls) -> ssl.SSLContext | None:
        return server_context(settings) if settings.certificate and settings.key else None

    inject(tls, "server_context", if_whole)


@mutant(
    "TLS-002",
    wrong="goes on with the first certificate that it was ever given, also when it is started with another",
    failure="in vain for: the new certificate is shown",
)
def keeps_its_first_certificate(inject: Inject) -> None:
    server_context = tls.server_context

    def kept(name: str) -> str:
        copy = Path(f"{name}.kept")
        if not copy.exists():
            shutil.copyfile(name, copy)
        return str(copy)

    def first_context(settings: Tls) -> ssl.SSLContext | None:
        if settings.certificate is None or settings.key is None:
            return server_context(settings)
        return server_context(replace(settings, certificate=kept(settings.certificate), key=kept(settings.key)))

    inject(tls, "server_context", first_context)


@mutant("TLS-008", wrong="supports no curve but P-256", failure="knows only X25519")
def supports_one_curve(inject: Inject) -> None:
    server_context = tls.server_context

    def one_curve(settings: Tls) -> ssl.SSLContext | None:
        context = server_context(settings)
        if context is not None:
            context.set_ecdh_curve("prime256v1")
        return context

    inject(tls, "server_context", one_curve)


@mutant(
    "TLS-010",
    wrong="accepts clients without a certificate where it is configured to verify them",
    failure="the service answered HTTP 101",
)
def needs_no_client_certificate(inject: Inject) -> None:
    server_context = tls.server_context

    def lenient_context(settings: Tls) -> ssl.SSLContext | None:
        context = server_context(settings)
        if context is not None and settings.verify_client:
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    inject(tls, "server_context", lenient_context)


@mutant("TLS-015", wrong="serves in clear when its certificate cannot be read", failure="in vain for: the end of")
def serves_in_clear_without_a_readable_certificate(inject: Inject) -> None:
    server_context = tls.server_context

    def if_readable(settings: Tls) -> ssl.SSLContext | None:
        try:
            return server_context(settings)
        except ConfigError:
            return None

    inject(tls, "server_context", if_readable)


@mutant("TLS-004", wrong="supports TLS 1.0 and 1.1", failure="the server agreed to ('TLSv1", also=("TLS-007",))
def supports_old_tls(inject: Inject) -> None:
    server_context = tls.server_context

    def old_context(settings: Tls) -> ssl.SSLContext | None:
        context = server_context(settings)
        if context is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
        return context

    inject(tls, "server_context", old_context)


@mutant("TLS-005", wrong="does not support TLS 1.2", failure="TLSv1.2 is not spoken")
def supports_only_the_newest_tls(inject: Inject) -> None:
    server_context = tls.server_context

    def newest_context(settings: Tls) -> ssl.SSLContext | None:
        context = server_context(settings)
        if context is not None:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    inject(tls, "server_context", newest_context)


@mutant(
    "TLS-014",
    wrong="verifies no certificates where it is configured to, but without an authority",
    failure="in vain for: the end of",
)
def verifies_nobody_without_an_authority(inject: Inject) -> None:
    server_context = tls.server_context

    def if_there_is_an_authority(settings: Tls) -> ssl.SSLContext | None:
        verify = settings.verify_client and settings.client_ca is not None
        return server_context(replace(settings, verify_client=verify))

    inject(tls, "server_context", if_there_is_an_authority)
