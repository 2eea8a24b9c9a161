"""Servers that are wrong in which requests they upgrade: their form, their token, their origin."""

from typing import Any
from unittest.mock import patch

import msgspec
from aiohttp import HttpVersion10, hdrs, web
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.web import UrlDispatcher

from bodhisattva.servers.core import http
from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.connections import origin, upgrade
from bodhisattva.servers.core.connections.origin import Refusals
from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.transport import handshake
from bodhisattva.servers.core.transport.handshake import Upgrade
from bodhisattva.suites.meta.inject import Inject, mutant

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@mutant("SECURITY-007", wrong="upgrades a HEAD like a GET", failure="HEAD /: 101")
def upgrades_head_requests(inject: Inject) -> None:
    add_get = UrlDispatcher.add_get

    def add_both(router: UrlDispatcher, path: str, handler: Any, **_options: Any) -> Any:
        return add_get(router, path, handler)

    inject(UrlDispatcher, "add_get", add_both)


@mutant("SECURITY-005", wrong="upgrades who sends no key, and makes one up", failure="{'Sec-WebSocket-Key': None}: 101")
def upgrades_without_a_key(inject: Inject) -> None:
    take_over = handshake.take_over

    async def take_over_anyhow(request: web.Request, *, compress: bool) -> Upgrade:
        if hdrs.SEC_WEBSOCKET_KEY not in request.headers:
            request = request.clone(headers={**request.headers, hdrs.SEC_WEBSOCKET_KEY: KEY})
        return await take_over(request, compress=compress)

    inject(handshake, "take_over", take_over_anyhow)


@mutant("SECURITY-004", wrong="offers the upgrade at paths below /ws too", failure="/ws/x: 101")
def upgrades_below_its_path(inject: Inject) -> None:
    application = http.application

    def application_with_more(server: Server) -> web.Application:
        app = application(server)
        app.router.add_get("/ws/{more}", server.upgrade)
        return app

    inject(http, "application", application_with_more)


@mutant("SECURITY-004", wrong="upgrades at any path", failure="/nowhere: 101")
def upgrades_everywhere(inject: Inject) -> None:
    application = http.application

    def everywhere(server: Server) -> web.Application:
        app = application(server)
        app.router.add_get("/nowhere", server.upgrade)
        return app

    inject(http, "application", everywhere)


@mutant("SECURITY-243", wrong="refuses pages of its own origin", failure="403")
def refuses_pages_of_its_own(inject: Inject) -> None:
    def never(*_: object) -> bool:
        return False

    inject(origin, "_is_own", never)


@mutant("SECURITY-244", wrong="takes every port of its host for its own origin", failure="101")
def takes_other_ports_for_its_own(inject: Inject) -> None:
    place = origin._place

    def place_without_port(authority: str, scheme: str) -> tuple[str, int] | None:
        found = place(authority, scheme)
        return None if found is None else (found[0], 0)

    inject(origin, "_place", place_without_port)


@mutant("SECURITY-001", wrong="does not check the Origin", failure="DID NOT RAISE")
def accepts_every_origin(inject: Inject) -> None:
    def check_nothing(*_: object) -> None: ...

    inject(origin, "check", check_nothing)


@mutant("SECURITY-002", wrong="lets pages in whose origin only begins like one on the list", failure="DID NOT RAISE")
def accepts_origins_with_the_same_beginning(inject: Inject) -> None:
    check = origin.check

    def check_beginnings(request: web.Request, config: Config, refusals: Refusals) -> None:
        claimed = request.headers.get("Origin", "")
        similar = [claimed for each in config.origins if claimed.startswith(each)]
        check(request, msgspec.structs.replace(config, origins=(*config.origins, *similar)), refusals)

    inject(origin, "check", check_beginnings)


@mutant("SECURITY-006", wrong="upgrades requests of HTTP/1.0", failure="HTTP/1.0 at /: 101")
def upgrades_http_of_any_age(inject: Inject) -> None:
    inject.constant(upgrade, "HttpVersion11", HttpVersion10, reader=(upgrade, "check"))


class VersionOfAny(str):
    """Equal to every version."""

    __slots__ = ()

    def __ne__(self, _: object) -> bool:
        return False

    __hash__ = str.__hash__


@mutant(
    "SECURITY-003",
    wrong="leaves other WebSocket versions to aiohttp, which answers 400",
    failure="version 12: 400",
)
def answers_400_to_other_versions(inject: Inject) -> None:
    inject.constant(upgrade, "_VERSION", VersionOfAny(), reader=(upgrade, "check"))


@mutant(
    "SECURITY-003",
    wrong="answers 400 to another version of WebSocket, and does not name its own",
    failure="version 12: 400",
)
def omits_its_websocket_version(inject: Inject) -> None:
    check = upgrade.check

    def check_tersely(request: web.Request) -> None:
        try:
            check(request)
        except web.HTTPUpgradeRequired:
            raise web.HTTPBadRequest from None

    inject(upgrade, "check", check_tersely)


@mutant("AUTH-050", wrong="does not read the header Authorization", failure="session.created", also=("AUTH-051",))
def reads_no_bearer_tokens(inject: Inject) -> None:
    def nobody(*_: object) -> None:
        """The first message authenticates."""

    inject(upgrade, "identify", nobody)


@mutant("AUTH-052", wrong="takes a token from the URL", failure="token in the URL authenticates")
def reads_tokens_from_urls(inject: Inject) -> None:
    identify = upgrade.identify

    def identify_by_query(request: web.Request, verifier: Verifier | None) -> Identity | None:
        token = request.query.get("token")
        return verifier.verify(token) if token and verifier else identify(request, verifier)

    inject(upgrade, "identify", identify_by_query)


@mutant("AUTH-066", wrong="takes a token from the header though it was revoked", failure="DID NOT RAISE")
def accepts_revoked_tokens_in_the_header(inject: Inject) -> None:
    identify = upgrade.identify

    def identify_anybody(request: web.Request, verifier: Verifier | None) -> Identity | None:
        if verifier is None:
            return None
        with patch.object(verifier, "_revoked", ()):
            return identify(request, verifier)

    inject(upgrade, "identify", identify_anybody)


@mutant("AUTH-051", wrong="upgrades a request with a bad bearer token, as if it had none", failure="DID NOT RAISE")
def upgrades_bad_bearers(inject: Inject) -> None:
    identify = upgrade.identify

    def identify_or_wait(request: web.Request, verifier: Verifier | None) -> Identity | None:
        try:
            return identify(request, verifier)
        except web.HTTPUnauthorized:
            return None

    inject(upgrade, "identify", identify_or_wait)


@mutant(
    "SECURITY-245", wrong="names the versions of Python and its library in the Server header", failure="Server: Python"
)
def sends_library_versions(inject: Inject) -> None:
    inject.constant(http, "SERVER_NAME", SERVER_SOFTWARE, reader=(http, "_name_server"))
