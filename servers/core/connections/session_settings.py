"""What all sessions of a service share: its rules, and the settings in force."""

from collections.abc import Callable

from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.auth.tokens import Verifier
from bodhisattva.servers.core.config import Limits, Timeouts
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.settings import CurrentSettings


class SessionSettings:
    """Reads each setting from the value in force, so that a reload holds for sessions that are there.

    admit: counts a user's connection, False when the user has too many.
    """

    __slots__ = ("_current", "admit", "permissions", "service")

    def __init__(self, service: Service, current: CurrentSettings, admit: Callable[[str], bool]) -> None:
        self.service = service
        self.permissions = Permissions(service)
        self.admit = admit
        self._current = current

    @property
    def limits(self) -> Limits:
        return self._current.value.config.limits

    @property
    def timeouts(self) -> Timeouts:
        return self._current.value.config.timeouts

    @property
    def verifier(self) -> Verifier | None:
        return self._current.value.verifier

    @property
    def expiry_warning(self) -> float:
        """Seconds before a token's end at which `auth.expiring` is sent."""
        return self._current.value.config.tokens.expiry_warning

    @property
    def features(self) -> tuple[str, ...]:
        return self._current.value.features

    @property
    def verbose(self) -> bool:
        """Whether each request is logged."""
        return self._current.value.config.logging.level == "debug"
