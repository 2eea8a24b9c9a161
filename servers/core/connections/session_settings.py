"""What all sessions of a service share: its rules, and the settings in force."""

from collections.abc import Callable
from dataclasses import dataclass

from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.auth.tokens import Verifier
from bodhisattva.servers.core.config import Limits, Timeouts
from bodhisattva.servers.core.service import Service


@dataclass
class SessionSettings:
    """What all sessions of a server share; a reload replaces its parts.

    admit: counts a user's connection, False when the user has too many. verbose: whether each request is logged.
    """

    service: Service
    permissions: Permissions
    limits: Limits
    timeouts: Timeouts
    verifier: Verifier | None
    expiry_warning: float
    features: tuple[str, ...]
    admit: Callable[[str], bool]
    verbose: bool = False
