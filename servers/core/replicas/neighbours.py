"""What replicas of a service tell each other and nobody keeps: ephemeral events, who is where, how far each read."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.core.engine.reading import AT_ONCE
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.base import LogError, SharedLog
from bodhisattva.servers.core.supervisor import cancelled, supervised

_PAUSE = 0.2
_PATIENCE = 0.5  # seconds to wait for neighbours of which one may just have died
_BACKLOG = 10_000  # of more subjects than there are connections
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


class _AskedHowFar(msgspec.Struct, frozen=True, tag="asked how far"):
    """Up to which event have you told your subscribers?"""

    sender: str
    question: str


class _Answer(msgspec.Struct, frozen=True, tag="answer"):
    """The answer to a question; members: who is present. told: the number of an event, None for whoever cannot tell."""

    question: str
    members: Members = []
    told: int | None = None


class _Due:
    """What waits to be said, in order; of what is about one subject only the newest, in the place of the first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, _Said | _Answer] = OrderedDict()
        self._some = asyncio.Event()

    def put(self, message: _Said | _Answer) -> None:
        """The oldest makes room: it is the one that nobody waits for any more."""
        event = message.event if isinstance(message, _Said) else None
        place: Hashable = (
            object() if event is None or event.coalesce_key is None else (event.channels, event.coalesce_key)
        )
        if place not in self._waiting and len(self._waiting) >= _BACKLOG:
            self._waiting.popitem(last=False)
        self._waiting[place] = message
        self._some.set()

    async def get(self) -> _Said | _Answer:
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popitem(last=False)[1]


_decoder = msgspec.json.Decoder(_Said | _Asked | _AskedHowFar | _Answer)


class Neighbours:
    """One replica's voice and ear; what it says while Redis cannot be reached is not said later.

    told: the number of the event up to which this replica's subscribers were told, None while it cannot be told.
    """

    def __init__(self, log: SharedLog, hub: Hub, told: Callable[[], int | None]) -> None:
        self._log = log
        self._hub = hub
        self._told = told
        self._me = fresh_id()
        self._due = _Due()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._questions: dict[str, asyncio.Queue[_Answer]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = asyncio.Event()
        hub.relay = self.say

    async def start(self) -> None:
        """Begin, and hear everything from when this returns."""
        loop = asyncio.get_running_loop()
        work, logger = {"voice": self._speak, "ear": self._listen}, structlog.get_logger()
        self._tasks = [loop.create_task(supervised(name, each, logger)) for name, each in work.items()]
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._listening.wait()

    async def stop(self) -> None:
        await cancelled(*self._tasks)

    def say(self, event: Event) -> None:
        self._due.put(_Said(self._me, event))

    async def present(self, channel: str) -> Members:
        """Who is there, at this replica and the others; LogError if they cannot be asked."""
        members = self._hub.present(channel)
        for answer in await self._ask(_Asked(self._me, fresh_id(), channel)):
            members += answer.members
        return members

    async def told(self, here: int) -> int:
        """The number up to which everybody's subscribers were told; who does not answer is not waited for."""
        answers = await self._ask(_AskedHowFar(self._me, fresh_id()))
        return min([here, *(answer.told for answer in answers if answer.told is not None)])

    async def _ask(self, asked: _Asked | _AskedHowFar) -> list[_Answer]:
        """What those say who hear it, within the patience."""
        queue = self._questions[asked.question] = asyncio.Queue()
        answers: list[_Answer] = []
        try:
            async with self._turns:
                heard = await self._log.shout(msgspec.json.encode(asked))
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    while len(answers) < heard - 1:
                        answers.append(await queue.get())
        finally:
            del self._questions[asked.question]
        return answers

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
                self._hub.deliver_ephemeral(event)
            case _Asked(sender, question, channel) if sender != self._me:
                self._due.put(_Answer(question, members=self._hub.present(channel)))
            case _AskedHowFar(sender, question) if sender != self._me:
                self._due.put(_Answer(question, told=self._told()))
            case _Answer(question) if question in self._questions:
                self._questions[question].put_nowait(message)
