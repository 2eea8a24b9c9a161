from collections.abc import Iterable
from unittest.mock import patch

from semver import Version

from bodhisattva.servers.dhruva import versions

CLAUSE = "PROTOCOL-113"
WRONG = "takes the version that comes last in the alphabet for the latest"
SAYS = "is taken for the latest"

choose = versions.choose


def choose_by_letters(known: Iterable[Version], wanted: str | None) -> Version | None:
    return max(known, key=str, default=None) if wanted is None else choose(known, wanted)


def mutate() -> None:
    patch.object(versions, "choose", choose_by_letters).start()
