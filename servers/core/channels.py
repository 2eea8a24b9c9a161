"""The channels that events go to (protocol 5): what they are called, and of which kind each is."""

import re
from dataclasses import dataclass
from functools import cached_property

GLOBAL = "global"
_USER_ID = r"[^\x00-\x1f\x7f]{1,200}"
CHANNEL_ID = r"[A-Za-z0-9_.@/+-][A-Za-z0-9_.@/+:-]{0,199}"


@dataclass(frozen=True)
class ChannelKind:
    """One row of the protocol's channel table: `workflow:` is `ChannelKind("workflow:")`, `state` a fixed name.

    id_pattern: what may follow the colon. private: what follows is the user that alone may read it (admins may too).
    permissions: further permissions that allow reading, besides `<service>:read`.
    """

    name: str
    persisted: bool = True
    private: bool = False
    id_pattern: str = CHANNEL_ID
    permissions: tuple[str, ...] = ()

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        pattern = _USER_ID if self.private else self.id_pattern
        suffix = f"({pattern})" if self.name.endswith(":") else ""
        return re.compile(re.escape(self.name) + suffix)

    def matches(self, channel: str) -> bool:
        return self._regex.fullmatch(channel) is not None

    def id_of(self, channel: str) -> str:
        return channel.removeprefix(self.name)

    @property
    def label(self) -> str:
        """The kind as a metric's label: bounded, without an id."""
        return self.name.rstrip(":")
