"""How a replica comes back in step with a shared log that failed, or that is no longer what it was.

A log that could not be reached is read on behind what was delivered last. One that is not the continuation of what was
delivered gets another epoch, however often that fails. Then, or if what came next was removed, subscribers have to
subscribe again, and learn that they cannot resume (protocol 5).
"""

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.projection import Projection
from bodhisattva.servers.core.log.base import LogError, LogLost, LogTrimmed, SharedLog
from bodhisattva.servers.core.replicas.log_follower import LogFollower

_GAPS: dict[type[BaseException], str] = {LogLost: "The log has a new epoch", LogTrimmed: "Events were missed"}


class Resynchronization:
    """One recovery, of as many attempts as it takes.

    rebuild: whether the state may hold what the log does not. gap: why events were passed over, empty if none were.
    """

    def __init__(self, projection: Projection, log: SharedLog, follower: LogFollower, *, rebuild: bool) -> None:
        self.gap = ""
        self._projection = projection
        self._log = log
        self._follower = follower
        self._rebuild = rebuild
        self._lost = False

    async def attempt(self, failure: BaseException) -> None:
        """Make the projection available. failure: of what came before, which decides what has to be done."""
        self.gap = self.gap or _GAPS.get(type(failure), "")
        self._lost |= isinstance(failure, LogLost)
        self._rebuild |= bool(self.gap) or not isinstance(failure, LogError)
        await self._log.recover()
        if self._lost:
            await self._log.renew()
            self._lost = False
        if not self._rebuild:
            await self._follower.read_on()
            self._projection.available = True
            return
        if not self.gap:
            await self._log.check_held()  # a replay from the beginning would not notice that the end is missing
        await self._projection.rebuild(None if self.gap else self._projection.offset(GLOBAL))
