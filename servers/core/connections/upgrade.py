"""What is checked before a WebSocket upgrade (protocol 2.1, 2.3): refusals are HTTP answers, never closes."""

from aiohttp import HttpVersion11, hdrs, web

from bodhisattva.servers.core.auth import client_certificates
from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.errors import AuthFailed

_VERSION = "13"
_BEARER = "bearer "


def check(request: web.Request) -> None:
    """Raise the HTTP answer of a request that may not become a WebSocket, whatever its identity."""
    if request.version < HttpVersion11:  # RFC 6455, 4.2.1; HTTP/1.0 knows no upgrade
        raise web.HTTPBadRequest(text="A WebSocket begins with HTTP/1.1.\n")
    if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        headers = {hdrs.UPGRADE: "websocket", hdrs.CONNECTION: "Upgrade"}
        raise web.HTTPUpgradeRequired(text="This is a WebSocket endpoint.\n", headers=headers)
    if request.headers.get(hdrs.SEC_WEBSOCKET_VERSION) != _VERSION:
        headers = {hdrs.SEC_WEBSOCKET_VERSION: _VERSION}
        raise web.HTTPUpgradeRequired(text="Only WebSocket version 13 is supported.\n", headers=headers)


def identify(request: web.Request, verifier: Verifier | None) -> Identity | None:
    """The identity of an Authorization header, None without one; 401 for a bad one. URLs are not read."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None or verifier is None:
        return None
    token = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None
    try:
        return verifier.verify(token)
    except AuthFailed as failure:
        raise _unauthorized(failure) from None


def certify(request: web.Request, verifier: Verifier | None, tls: Tls, bearer: Identity | None) -> Identity | None:
    """The identity in the client's certificate, where that counts; 401 if it is none, or another than the token's."""
    if verifier is None or request.transport is None:
        return bearer
    try:
        holder = client_certificates.holder(request.transport.get_extra_info("peercert"), tls)
        if holder is None:
            return bearer
        verifier.check(holder)
        return holder if bearer is None else holder.renewed_by(bearer)
    except AuthFailed as failure:
        raise _unauthorized(failure) from None


def _unauthorized(failure: AuthFailed) -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(text=f"{failure.message}\n", headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
