"""Whether a page may connect (protocol 2.1): by its origin (RFC 6454), which browsers send and pages cannot set.

A page of this server's own origin may. Its name may be an attacker's that resolves to this server; but tokens are never
ambient, so such a page has none. Without authentication, only an address or `localhost` is trusted to be ours.
"""

import ipaddress
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web

from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.telemetry.logs import LONGEST

_PORTS = {"http": 80, "https": 443}
_WINDOW = 60.0  # seconds in which an origin is logged once, and at most _LINES origins are
_LINES = 10

_Place = tuple[str, int]  # host, port


def check(request: web.Request, config: Config, refusals: "Refusals") -> None:
    """403 for a page whose origin is neither this server's own nor listed. Programs send no origin and may."""
    origins = request.headers.getall(hdrs.ORIGIN, [])
    if not origins or "*" in config.origins:
        return
    if len(origins) == 1 and (origins[0] in config.origins or _is_own(request, origins[0], config)):
        return
    refusals.log(", ".join(origins), request.remote or "")
    raise web.HTTPForbidden(text="This origin may not connect.\n")


def _is_own(request: web.Request, origin: str, config: Config) -> bool:
    """A page by https may have come through a proxy that ends TLS; one by http cannot have come by our TLS."""
    scheme, _, authority = origin.partition("://")
    scheme = scheme.lower()
    hosts = request.headers.getall(hdrs.HOST, [])
    if scheme not in _PORTS or len(hosts) != 1 or (request.secure and scheme != "https"):
        return False
    own = _place(hosts[0], scheme)
    if own is None or own != _place(authority, scheme):
        return False
    return config.auth == "required" or _is_address(own[0])


def _place(authority: str, scheme: str) -> _Place | None:
    """None for what is no host with or without a port."""
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != authority or "@" in authority or authority.endswith(":"):
        return None
    return parts.hostname, _PORTS[scheme] if port is None else port


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


class Refusals:
    """Logs refused origins, in a bounded number of lines however many attempts there are."""

    def __init__(self, service: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = structlog.get_logger(service=service)
        self._clock = clock
        self._logged: set[str] = set()
        self._unlogged = 0
        self._ends = 0.0

    def log(self, origin: str, address: str) -> None:
        now = self._clock()
        if now >= self._ends:
            self._logged.clear()
            self._ends = now + _WINDOW
        origin = origin[:LONGEST]
        if origin in self._logged or len(self._logged) >= _LINES:
            self._unlogged += 1
            return
        self._logged.add(origin)
        earlier, self._unlogged = self._unlogged, 0
        reason = "the origin is neither this server's own nor among `origins`"
        self._logger.warning("upgrade refused", reason=reason, origin=origin, address=address, unlogged_before=earlier)
