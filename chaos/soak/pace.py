"""How long everything takes, so that a soak of ten minutes and one of twenty seconds go through the same."""

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """Seconds. crowds: of the first and the second crowd. stay: of a guest, in the mean; heartbeat: the service's.

    window: for which the service keeps answers; rest: within which everything has to be back.
    """

    crowds: tuple[float, float]
    stay: float
    heartbeat: float
    window: float
    rest: float

    @classmethod
    def of(cls, seconds: float) -> "Pace":
        """For that much of crowd in all; the first has a quarter of it, and shows what the service needs to work."""
        heartbeat = _within(seconds / 60, 1, 10)
        window = 2 * heartbeat
        return cls((seconds / 4, seconds * 3 / 4), _within(seconds / 60, 0.5, 10), heartbeat, window, 15 + 2 * window)

    @property
    def settings(self) -> dict[str, float]:
        """The service's `timeouts`."""
        return {"ping_interval": self.heartbeat, "ping_timeout": self.heartbeat, "deduplication": self.window}

    @property
    def silence(self) -> float:
        """After which the service must have let go of a peer that has gone silent."""
        return 3 * self.heartbeat


def _within(value: float, least: float, most: float) -> float:
    return max(least, min(most, value))
