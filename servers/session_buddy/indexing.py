"""Indexes texts in the background, so that the next search has little left to index."""

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
