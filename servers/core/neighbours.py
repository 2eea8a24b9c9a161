"""What replicas of a service tell each other and nobody keeps: ephemeral events, and who is present where."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.hub import Hub
from bodhisattva.servers.core.log.base import LogError, SharedLog

_PAUSE = 0.2
_PATIENCE = 0.5  # seconds to wait for neighbours of which one may just have died
_BACKLOG = 1000
Members = list[dict[str, Any]]


class _Said(msgspec.Struct, frozen=True, tag="said"):
    """An ephemeral event, for everybody's subscribers."""

    sender: str
    event: Event


class _Asked(msgspec.Struct, frozen=True, tag="asked"):
    """Who is present on a channel at yours?"""

    sender: str
    question: str
    channel: str


class _Present(msgspec.Struct, frozen=True, tag="present"):
    """The answer to a question."""

    question: str
    members: Members


_decoder = msgspec.json.Decoder(_Said | _Asked | _Present)


class Neighbours:
    """One replica's voice and ear; what it says while Redis cannot be reached is not said later."""

    def __init__(self, log: SharedLog, hub: Hub) -> None:
        self._log = log
        self._hub = hub
        self._me = fresh_id()
        self._due: asyncio.Queue[_Said | _Present] = asyncio.Queue()
        self._questions: dict[str, asyncio.Queue[Members]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = asyncio.Event()
        hub.relay = self.say

    async def start(self) -> None:
        """Begin, and hear everything from when this returns."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._speak()), loop.create_task(self._listen())]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._listening.wait(), _PATIENCE)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def say(self, event: Event) -> None:
        self._put(_Said(self._me, event))

    async def present(self, channel: str) -> Members:
        """Who is there, at this replica and the others; LogError if they cannot be asked."""
        question = fresh_id()
        answers = self._questions[question] = asyncio.Queue()
        members = self._hub.present(channel)
        try:
            asked = await self._log.shout(msgspec.json.encode(_Asked(self._me, question, channel)))
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    for _ in range(asked - 1):
                        members += await answers.get()
        finally:
            del self._questions[question]
        return members

    def _put(self, message: _Said | _Present) -> None:
        """The oldest makes room: it is the one that nobody waits for any more."""
        if self._due.qsize() >= _BACKLOG:
            self._due.get_nowait()
        self._due.put_nowait(message)

    async def _speak(self) -> None:
        while True:
            message = await self._due.get()
            with suppress(LogError):
                await self._log.shout(msgspec.json.encode(message))

    async def _listen(self) -> None:
        while True:
            with suppress(LogError):
                async for words in self._log.heard():
                    if words:
                        self._hear(words)
                    else:
                        self._listening.set()
            await asyncio.sleep(_PAUSE)

    def _hear(self, words: bytes) -> None:
        try:
            message = _decoder.decode(words)
        except msgspec.DecodeError as error:
            structlog.get_logger().warning("a neighbour is not understood", error=str(error))
            return
        match message:
            case _Said(sender, event) if sender != self._me:
                self._hub.hear(event)
            case _Asked(sender, question, channel) if sender != self._me:
                self._put(_Present(question, self._hub.present(channel)))
            case _Present(question, members) if question in self._questions:
                self._questions[question].put_nowait(members)
