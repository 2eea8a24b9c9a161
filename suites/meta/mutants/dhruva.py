"""Servers that are wrong in the versions that dhruva serves."""

from collections.abc import Iterable

from semver import Version

from bodhisattva.servers.dhruva import domain, versions
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("PROTOCOL-084", wrong="stores content under whatever checksum it is given", failure="was not refused")
def accepts_every_checksum(inject: Inject) -> None:
    inject(domain, "_checked", lambda claimed, content: claimed)


@mutant(
    "PROTOCOL-113",
    wrong="takes the version that comes last in the alphabet for the latest",
    failure="is taken for the latest",
)
def orders_versions_as_text(inject: Inject) -> None:
    choose = versions.choose

    def choose_by_letters(known: Iterable[Version], wanted: str | None) -> Version | None:
        return max(known, key=str, default=None) if wanted is None else choose(known, wanted)

    inject(versions, "choose", choose_by_letters)


@mutant(
    "PROTOCOL-153", wrong="takes a prerelease for the latest, though there is a release", failure="2.0.0-rc.1 was sent"
)
def sends_prereleases_unasked(inject: Inject) -> None:
    choose = versions.choose

    def choose_highest(known: Iterable[Version], wanted: str | None) -> Version | None:
        return max(known, default=None) if wanted is None else choose(known, wanted)

    inject(versions, "choose", choose_highest)
