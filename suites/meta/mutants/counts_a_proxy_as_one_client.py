from collections.abc import Iterable, Sequence
from unittest.mock import patch

from bodhisattva.servers.core.connections import proxies

CLAUSE = "PROTOCOL-251"
WRONG = "counts all clients of a proxy as one"
SAYS = "the connection ended"

behind = proxies.behind


def behind_nobody(sender: str, forwarded: Iterable[str], networks: Sequence[proxies.Network]) -> tuple[str, int]:
    return sender, behind(sender, forwarded, networks)[1]


def mutate() -> None:
    patch.object(proxies, "behind", behind_nobody).start()
