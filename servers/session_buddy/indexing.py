"""Beside the server, texts are put into the index as they come, so that the next search has little to do first."""

import asyncio
from typing import TYPE_CHECKING

from bodhisattva.servers.session_buddy.domain import State

if TYPE_CHECKING:
    from bodhisattva.servers.core.host import Host


async def index_knowledge(host: "Host") -> None:
    while True:
        state = host.state
        assert isinstance(state, State)
        if state.index.behind:
            await asyncio.to_thread(state.index.catch_up)
        else:
            await host.changed()
