"""How many files this process may open (getrlimit(2), RLIMIT_NOFILE), and the limits of its services that fit.

Each connection is a file. A process that may open no more can neither accept nor keep its log.
"""

import resource
import sys

from msgspec.structs import replace

from bodhisattva.servers.core.config import ConfigError, Limits

OTHERS = 128  # of a service, besides its clients: the log, the port, bridges, other services
_LEAST = 64  # sockets of clients without which a service is of no use
_PENDING_SHARE = 8  # of scarce sockets every eighth is left to who is not connected yet


class FileLimit:
    """What the services of one process share evenly. services: how many they are."""

    def __init__(self, services: int = 1) -> None:
        self._services = services
        self._needed: dict[str, int] = {}

    def fit(self, service: str, limits: Limits) -> Limits:
        """`limits`, or lower ones where the hard limit is below them; the soft limit is raised to what they need.

        ConfigError if the hard limit leaves next to nothing, or the soft one cannot be raised.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = sys.maxsize if hard == resource.RLIM_INFINITY else hard
        given = _within(limits, most // self._services - OTHERS, most)
        self._needed[service] = given.connections + given.pending_connections + OTHERS
        needed = sum(self._needed.values())
        if soft != resource.RLIM_INFINITY and soft < needed:
            _raise(needed, hard)
        return given


def _within(limits: Limits, room: int, most: int) -> Limits:
    """The limits with as many sockets as there is room for. most: the hard limit, for the error."""
    if limits.connections + limits.pending_connections <= room:
        return limits
    if room < _LEAST:
        raise ConfigError(
            f"this process may open {most} files, and each of its services needs {OTHERS + _LEAST}; "
            "raise the hard limit (`ulimit -Hn`, systemd's LimitNOFILE)"
        )
    pending = min(limits.pending_connections, max(room // _PENDING_SHARE, room - limits.connections))
    return replace(limits, connections=min(limits.connections, room - pending), pending_connections=pending)


def _raise(needed: int, hard: int) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError):
        raise ConfigError(
            f"this process may not open the {needed} files that its limits need; "
            "lower limits.connections and limits.pending_connections"
        ) from None
