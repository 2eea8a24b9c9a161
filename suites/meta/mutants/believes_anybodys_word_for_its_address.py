from collections.abc import Iterable, Sequence
from unittest.mock import patch

from bodhisattva.servers.core.connections import proxies

CLAUSE = "PROTOCOL-250"
WRONG = "reads X-Forwarded-For whoever sent it"
SAYS = "X-Forwarded-For"

behind = proxies.behind


def behind_anybody(sender: str, forwarded: Iterable[str], networks: Sequence[proxies.Network]) -> tuple[str, int]:
    address, hops = behind(sender, forwarded, networks)
    named = ",".join(forwarded).split(",")[-1].strip()
    return (address, hops) if hops or not named else (named, 0)


def mutate() -> None:
    patch.object(proxies, "behind", behind_anybody).start()
