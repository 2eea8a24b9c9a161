"""Indexes texts in the background, so that the next search has little left to index."""

import asyncio

from bodhisattva.servers.core.service import Runtime
from bodhisattva.servers.session_buddy.domain import State


async def index_knowledge(runtime: Runtime) -> None:
    while True:
        state = runtime.state
        assert isinstance(state, State)
        if state.index.behind:
            await asyncio.to_thread(state.index.catch_up)
        else:
            await runtime.changed()
