from collections.abc import Iterable
from unittest.mock import patch

from semver import Version

from bodhisattva.servers.dhruva import versions

CLAUSE = "PROTOCOL-153"
WRONG = "takes a prerelease for the latest, though there is a release"
SAYS = "2.0.0-rc.1 was sent"

choose = versions.choose


def choose_highest(known: Iterable[Version], wanted: str | None) -> Version | None:
    return max(known, default=None) if wanted is None else choose(known, wanted)


def mutate() -> None:
    patch.object(versions, "choose", choose_highest).start()
