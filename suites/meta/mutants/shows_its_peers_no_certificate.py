from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth import peer_trust
from bodhisattva.servers.core.config import Peer

CLAUSE = "TLS-028"
WRONG = "shows no certificate to a peer that asks for one"
SAYS = "workflows take effect"

context = peer_trust.context


def mutate() -> None:
    def anonymous(peer: Peer) -> object:
        return context(replace(peer, certificate=None, key=None))

    patch.object(peer_trust, "context", anonymous).start()
