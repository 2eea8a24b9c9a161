"""Servers that are wrong in how one service follows and calls another."""

import asyncio
from typing import Any

from bodhisattva.servers.client import Client, Event
from bodhisattva.servers.client import Position as ClientPosition
from bodhisattva.servers.client.link import Link
from bodhisattva.servers.client.subscription import Subscription
from bodhisattva.servers.core.auth import tokens
from bodhisattva.servers.core.auth.keys import Key
from bodhisattva.servers.core.bridges import resume_point
from bodhisattva.servers.core.bridges.block_locator import BlockLocator
from bodhisattva.servers.core.bridges.bridge import _Consumer
from bodhisattva.servers.core.bridges.resume_point import ResumePoint
from bodhisattva.servers.core.domain import Decision, State
from bodhisattva.servers.core.log import base, redis_scripts
from bodhisattva.servers.core.log.base import Position
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.runtime import ServiceRuntime
from bodhisattva.servers.core.service import ForeignEvent
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "REPLICAS-022",
    wrong="takes a log of a known epoch for the log that its bridge followed before",
    failure="not once each, in order",
)
def compares_only_epochs_of_positions(inject: Inject) -> None:
    subscribe = Client.subscribe

    def subscribe_and_resume(client: Client, channel: str, **options: Any) -> Subscription:
        return subscribe(client, channel, **options | {"resume": True})

    inject(Client, "subscribe", subscribe_and_resume)


@mutant(
    "CROSS-001",
    wrong="connects to other services without a token",
    failure="in vain for event knowledge.captured",
    also=("CROSS-008",),
)
def crosses_without_token(inject: Inject) -> None:
    def no_token(*_: object) -> None:
        return None

    inject(ServiceRuntime, "_token_source", no_token)


@mutant(
    "CROSS-009",
    wrong="connects to another service until it has a connection, and never again once that has ended",
    failure="in vain for: 24 workflows take effect",
)
def gives_a_source_up_once_it_is_lost(inject: Inject) -> None:
    once = Link._connect_once

    async def once_at_all(link: Link) -> None:
        if link.connections:
            await asyncio.Event().wait()
        await once(link)

    inject(Link, "_connect_once", once_at_all)


@mutant(
    "REPLICAS-023",
    wrong="keeps its position in a bridge's source by epoch and offset, whichever events these stand for",
    failure="not once each",
)
def resumes_by_epoch_and_offset_alone(inject: Inject) -> None:
    def place(position: Position) -> tuple[str, int]:
        return position.epoch, position.offset

    inject(Position, "_place", property(place))
    append = redis_scripts.APPEND.replace("newest(basis) == newest(known)", "true")
    inject.constant(redis_scripts, "APPEND", append, reader=(RedisLog, "open"))


@mutant("CROSS-009", wrong="takes each event in twice once its bridge has had to connect again", failure="== [24, 24]")
def delivers_twice_after_reconnecting_to_its_source(inject: Inject) -> None:
    apply = _Consumer._apply

    async def apply_twice(consumer: _Consumer, event: Event, position: Position) -> bool:
        if consumer._runtime._clients[consumer._bridge.source].connections > 1:
            foreign = ForeignEvent(consumer._bridge.source, event.name, event.data, event.timestamp)

            def decide(state: State) -> Decision:
                return consumer._bridge.react(state, foreign, consumer._runtime.context())

            consumer._engine._submit(decide, None, None, "", lambda _: None)
        return await apply(consumer, event, position)

    inject(_Consumer, "_apply", apply_twice)


@mutant("REPLICAS-024", wrong="follows its source on from what its own log has lost the effect of", failure="in akosha")
def resumes_after_events_that_its_log_lost(inject: Inject) -> None:
    inject(_Consumer, "consume_until_log_lost", _Consumer._consume)


@mutant(
    "REPLICAS-021",
    wrong="takes in a log of another epoch from its beginning, although it knows the events",
    failure="not once each, in order",
)
def begins_anew_with_each_epoch(inject: Inject) -> None:
    find = resume_point.find

    async def find_anew(client: Client, channel: str, stored: base.Position | None) -> ResumePoint:
        head = await client.head(channel)
        if stored is not None and stored.epoch != head.epoch:
            return ResumePoint(ClientPosition(head.epoch, 0), BlockLocator(), 0, diverged=True)
        return await find(client, channel, stored)

    inject(resume_point, "find", find_anew)


@mutant(
    "CROSS-008",
    wrong="begins its bridge at the newest event, so that what happened in between is lost",
    failure="in vain for: 24 workflows take effect",
)
def forgets_where_its_bridge_was(inject: Inject) -> None:
    async def start_at_the_end(client: Client, channel: str, _stored: Any) -> ResumePoint:
        return ResumePoint(await client.head(channel), BlockLocator(), 0, diverged=False)

    inject(resume_point, "find", start_at_the_end)


@mutant(
    "DEGRADATION-013",
    wrong="passes over what its source did before the bridge first reached it",
    failure="in vain for: 6 workflows take effect",
    besides=("mahavishnu",),
)
def skips_events_before_the_first_contact(inject: Inject) -> None:
    find = resume_point.find

    async def find_from_now_on(client: Client, channel: str, stored: base.Position | None) -> ResumePoint:
        if stored is None:
            return ResumePoint(await client.head(channel), BlockLocator(), 0, diverged=False)
        return await find(client, channel, stored)

    inject(resume_point, "find", find_from_now_on)


@mutant(
    "CROSS-006",
    wrong="calls other services under a name that is not its own",
    failure="did not run under mahavishnu's own identity",
)
def calls_services_under_another_name(inject: Inject) -> None:
    mint = tokens.mint

    def mint_for_anybody(key: Key, _name: str, *others: Any, **more: Any) -> str:
        return mint(key, "anybody", *others, **more)

    inject(tokens, "mint", mint_for_anybody)
