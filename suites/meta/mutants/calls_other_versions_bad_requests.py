from unittest.mock import patch

from bodhisattva.servers.core.connections import upgrade

CLAUSE = "SECURITY-003"
WRONG = "leaves a WebSocket version that it does not speak to aiohttp's 400"
SAYS = "version 12: 400"


def mutate() -> None:
    patch.object(upgrade, "_VERSION", VersionOfAny()).start()


class VersionOfAny(str):
    """Equal to every version."""

    __slots__ = ()

    def __ne__(self, _: object) -> bool:
        return False

    __hash__ = str.__hash__
