"""Servers that are wrong in what client certificates prove."""

import math
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from msgspec.structs import replace

from bodhisattva.servers.core.auth import client_certificates
from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.connections import upgrade
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("TLS-021", wrong="takes the first of two names in a certificate for its user", failure="DID NOT RAISE")
def takes_the_first_of_two_names(inject: Inject) -> None:
    names = client_certificates._names

    def first(certificate: Mapping[str, Any], field: str) -> list[str]:
        return names(certificate, field)[:1]

    inject(client_certificates, "_names", first)


@mutant(
    "TLS-024",
    wrong="starts with certificates that name users without being verified",
    failure="in vain for: the end of",
)
def accepts_names_of_unverified_certificates(inject: Inject) -> None:
    def unchecked(*_: object) -> None:
        """Whatever is configured."""

    inject(client_certificates, "check", unchecked)


@mutant(
    "TLS-023",
    wrong="keeps a connection open when the certificate that named its user ends",
    failure="in vain for error TOKEN_EXPIRED",
)
def outlives_its_certificate(inject: Inject) -> None:
    holder = client_certificates.holder

    def for_ever(certificate: Mapping[str, Any] | None, tls: Tls) -> Identity | None:
        found = holder(certificate, tls)
        if found is None or found.certificate is None:
            return found
        return replace(found, expires_at=None, certificate=replace(found.certificate, expires_at=math.inf))

    inject(client_certificates, "holder", for_ever)


@mutant(
    "TLS-020",
    wrong="requires a token although the certificate names the user",
    failure="AUTH_REQUIRED",
    also=("TLS-021", "TLS-022", "TLS-023", "TLS-026", "TLS-027"),
)
def requires_tokens_beside_certificates(inject: Inject) -> None:
    def by_token(_: web.Request, __: Verifier | None, ___: Tls, bearer: Identity | None) -> Identity | None:
        return bearer

    inject(upgrade, "certify", by_token)


@mutant("TLS-022", wrong="takes a header's token of another user than the certificate's", failure="DID NOT RAISE")
def prefers_tokens_to_certificates(inject: Inject) -> None:
    certify = upgrade.certify

    def token_first(
        request: web.Request, verifier: Verifier | None, tls: Tls, bearer: Identity | None
    ) -> Identity | None:
        return bearer or certify(request, verifier, tls, bearer)

    inject(upgrade, "certify", token_first)
