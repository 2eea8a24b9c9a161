"""Servers that are wrong in which proxies they trust."""

from collections.abc import Iterable, Sequence

from aiohttp import web

from bodhisattva.servers.core.connections import proxies
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("PROTOCOL-252", wrong="reads X-Forwarded-Proto whoever sent it", failure="http by ['203.0.113.0/24']")
def trusts_every_forwarded_scheme(inject: Inject) -> None:
    scheme = proxies._scheme

    def scheme_of_anybody(request: web.Request, hops: int) -> str:
        return scheme(request, max(hops, 1))

    inject(proxies, "_scheme", scheme_of_anybody)


@mutant(
    "PROTOCOL-252",
    wrong="reports the scheme of the proxy's own connection to its clients",
    failure="http by ['127.0.0.0/8'",
)
def reports_the_scheme_of_the_proxy(inject: Inject) -> None:
    def scheme(request: web.Request, _hops: int) -> str:
        return request.scheme

    inject(proxies, "_scheme", scheme)


@mutant("PROTOCOL-250", wrong="reads X-Forwarded-For whoever sent it", failure="X-Forwarded-For")
def trusts_every_forwarded_address(inject: Inject) -> None:
    behind = proxies.behind

    def behind_anybody(sender: str, forwarded: Iterable[str], networks: Sequence[proxies.Network]) -> tuple[str, int]:
        address, hops = behind(sender, forwarded, networks)
        named = ",".join(forwarded).split(",")[-1].strip()
        return (address, hops) if hops or not named else (named, 0)

    inject(proxies, "behind", behind_anybody)


@mutant(
    "PROTOCOL-251",
    wrong="takes the first address in X-Forwarded-For, which the client itself may have sent",
    failure="has more than the room of one address",
)
def trusts_the_first_forwarded_address(inject: Inject) -> None:
    behind = proxies.behind

    def behind_all(sender: str, forwarded: Iterable[str], networks: Sequence[proxies.Network]) -> tuple[str, int]:
        address, hops = behind(sender, forwarded, networks)
        return (",".join(forwarded).split(",")[0] or address) if hops else address, hops

    inject(proxies, "behind", behind_all)


@mutant("PROTOCOL-251", wrong="counts all clients of a proxy as one", failure="the connection ended")
def counts_a_proxy_as_one_client(inject: Inject) -> None:
    behind = proxies.behind

    def behind_nobody(sender: str, forwarded: Iterable[str], networks: Sequence[proxies.Network]) -> tuple[str, int]:
        return sender, behind(sender, forwarded, networks)[1]

    inject(proxies, "behind", behind_nobody)
