from collections.abc import Iterable, Sequence
from unittest.mock import patch

from bodhisattva.servers.core.connections import proxies

CLAUSE = "PROTOCOL-251"
WRONG = "takes the first address in X-Forwarded-For, which is the client's own word"
SAYS = "has more than the room of one address"

behind = proxies.behind


def behind_all(sender: str, forwarded: Iterable[str], networks: Sequence[proxies.Network]) -> tuple[str, int]:
    address, hops = behind(sender, forwarded, networks)
    return (",".join(forwarded).split(",")[0] or address) if hops else address, hops


def mutate() -> None:
    patch.object(proxies, "behind", behind_all).start()
