"""Beside the server, texts are put into the index as they come, so that the next search has little to do first."""

import asyncio

from bodhisattva.servers.core.service import Runtime
from bodhisattva.servers.session_buddy.domain import State


async def index_knowledge(host: Runtime) -> None:
    while True:
        state = host.state
        assert isinstance(state, State)
        if state.index.behind:
            await asyncio.to_thread(state.index.catch_up)
        else:
            await host.changed()
