"""Tells a client that comes back that it will get what it missed, and sends only what is new (contract 5)."""

from unittest.mock import patch

from bodhisattva.servers.cli import main
from bodhisattva.servers.core.deduplication import Outcome
from bodhisattva.servers.core.requests import Caller, Requests, Since


async def resume_from_now(requests: Requests, caller: Caller, channel: str, since: Since) -> Outcome:
    return requests._join(caller, channel, requests._engine.offset(channel), recovered=True)


if __name__ == "__main__":
    with patch.object(Requests, "_resume", resume_from_now):
        main()
