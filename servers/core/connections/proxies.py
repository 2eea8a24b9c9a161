"""The client behind proxies (protocol 2.2): X-Forwarded-For and -Proto count where a trusted proxy wrote them."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from aiohttp import web

from bodhisattva.servers.core.config import ConfigError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FOR = "X-Forwarded-For"
_PROTO = "X-Forwarded-Proto"
# Some proxies name the scheme of the WebSocket, not that of its upgrade.
_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}


class Client(NamedTuple):
    """address: as text, "" if there is none (a Unix socket). scheme: `http` or `https`, by which the client came."""

    address: str
    scheme: str


def trusted(networks: Iterable[str]) -> tuple[Network, ...]:
    """The configured `trusted_proxies`; ConfigError names the one that is no network, or is all of them."""
    return tuple(map(_network, networks))


def client(request: web.Request, proxies: Sequence[Network]) -> Client:
    """The client of a request: its sender, or the one that the trusted proxies on its way name."""
    address, hops = behind(request.remote or "", request.headers.getall(_FOR, ()), proxies)
    return Client(address, _scheme(request, hops))


def behind(sender: str, forwarded: Iterable[str], proxies: Sequence[Network]) -> tuple[str, int]:
    """The first address from the right that is no trusted proxy's, and how many trusted ones there were before it.

    forwarded: the values of X-Forwarded-For in their order; each proxy has added its own peer at the right. What
    is no address ends the walk: the proxy that wrote it counts as the client.
    """
    nearest = _address(sender)
    if nearest is None:
        return sender, 0
    names = ",".join(forwarded).split(",") if proxies else []
    hops = 0
    while _is_one_of(nearest, proxies):
        hops += 1
        named = _address(_host(names.pop())) if names else None
        if named is None:
            break
        nearest = named
    return str(nearest), hops


def _scheme(request: web.Request, hops: int) -> str:
    """As the farthest trusted proxy names it: proxies either replace the header or add to it at the right."""
    names = ",".join(request.headers.getall(_PROTO, ())).split(",")
    named = names[-min(hops, len(names))] if hops else ""
    return _SCHEMES.get(named.strip().lower(), request.scheme)


def _is_one_of(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    """An IPv4 address is the same one when a socket for both families has written it as IPv6."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _host(name: str) -> str:
    """Without the port and the brackets that some proxies add."""
    name = name.strip()
    if name.startswith("["):
        host, bracket, port = name[1:].partition("]")
        return host if bracket and _is_port(port) else ""
    host, colon, port = name.partition(":")
    return host if "." in host and _is_port(colon + port) else name


def _is_port(text: str) -> bool:
    """ ":443", or nothing."""
    return not text or (text[0] == ":" and text[1:].isascii() and text[1:].isdigit())


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError:
        reason = f"trusted_proxies: {text!r} is no network; write one as 10.0.0.5/32 or 2001:db8::/64"
        raise ConfigError(reason) from None
    if network.prefixlen == 0:
        raise ConfigError(f"trusted_proxies: {text} is everybody; name the networks of the proxies alone")
    return network
