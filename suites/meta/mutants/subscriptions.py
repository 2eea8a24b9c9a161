"""Servers that are wrong in how they subscribe to channels and leave them."""

import asyncio
from typing import Any
from unittest.mock import patch

import msgspec
from msgspec.structs import replace

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.connections import requests
from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.delivery.event_frames import numbered
from bodhisattva.servers.core.delivery.hub import Hub, Receiver
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.errors import InvalidChannel, InvalidData, LimitExceeded
from bodhisattva.suites.meta.inject import Inject, mutant

LATE = 0.2


@mutant(
    "PROTOCOL-059",
    wrong="goes on from its newest event when a client subscribes again",
    failure="in vain for event (any)",
)
def begins_at_the_newest_when_subscribed_again(inject: Inject) -> None:
    subscribe = Connection.subscribe

    def follow_afresh(connection: Connection, channel: str, after: int | None) -> None:
        subscribe(connection, channel, None if channel in connection.channels else after)

    inject(Connection, "subscribe", follow_afresh)


@mutant(
    "PROTOCOL-041",
    wrong="confirms that it resumes a client, and sends only what is new",
    failure="in vain for event (any) on",
    also=("PROTOCOL-043",),
)
def forgets_reconnecting_clients(inject: Inject) -> None:
    subscribe = Connection.subscribe

    def follow_from_now(connection: Connection, channel: str, _after: int | None) -> None:
        subscribe(connection, channel, None)

    inject(Connection, "subscribe", follow_from_now)


@mutant(
    "PROTOCOL-043", wrong="lets live events overtake those that a returning client has missed", failure="came offsets"
)
def sends_live_before_missed(inject: Inject) -> None:
    subscribe = Connection.subscribe

    def follow_at_once(connection: Connection, channel: str, after: int | None) -> None:
        newest = connection._engine.offset(channel)
        subscribe(connection, channel, None)
        if after is not None and after < newest:
            connection._spawn(replay(connection, channel, after, newest))

    async def replay(connection: Connection, channel: str, after: int, newest: int) -> None:
        await asyncio.sleep(LATE)
        log = connection._engine.log
        for offset, event in await log.read(channel, after, newest - after):
            connection.push(numbered(event, channel, offset, log.epoch))

    inject(Connection, "subscribe", follow_at_once)


@mutant("PROTOCOL-045", wrong="sends each event twice to a client that subscribes again", failure="delivered 2 times")
def sends_twice_after_two_subscriptions(inject: Inject) -> None:
    subscribe = Connection.subscribe
    push = Hub._push
    again: set[tuple[Connection, str]] = set()

    def follow_again(connection: Connection, channel: str, after: int | None) -> None:
        if channel in connection.channels:
            again.add((connection, channel))
        subscribe(connection, channel, after)

    def push_again(hub: Hub, channel: str, frame: bytes) -> None:
        push(hub, channel, frame)
        for connection, doubled in again:
            if doubled == channel and channel in connection.channels:
                connection.push(frame)

    inject(Connection, "subscribe", follow_again)
    inject(Hub, "_push", push_again)


@mutant(
    "PROTOCOL-034", wrong="lists users who have left a channel among those present", failure="['ann', 'bob'] == ['ann']"
)
def lists_members_who_left(inject: Inject) -> None:
    def unsubscribe(hub: Hub, channel: str, receiver: Receiver) -> None:
        """Leave the events, and keep the member."""
        hub._members[channel].setdefault(receiver, {})
        original(hub, channel, receiver)

    original = Hub.unsubscribe
    inject(Hub, "unsubscribe", unsubscribe)


@mutant("PROTOCOL-062", wrong="counts channels that were left towards the limit", failure="subscribe was refused")
def counts_channels_that_were_left(inject: Inject) -> None:
    subscribe = Requests._subscribe
    joined: dict[str, set[str]] = {}

    def subscribe_for_good(requests: Requests, caller: Caller, request: Request) -> Outcome:
        ever = joined.setdefault(caller.connection_id, set())
        channel = requests._readable(request)
        limit = requests._settings.limits.channels
        if channel not in ever and len(ever) >= limit:
            raise LimitExceeded("Too many channels on this connection.", limit=limit)
        outcome = subscribe(requests, caller, request)
        ever.add(channel)
        return outcome

    inject(Requests, "_subscribe", subscribe_for_good)


@mutant("PROTOCOL-042", wrong="goes on at an offset whatever log it is of", failure="since {'epoch': 'another'")
def ignores_epochs(inject: Inject) -> None:
    subscribe = Requests._subscribe

    def subscribe_by_offset(requests: Requests, caller: Caller, request: Request) -> Outcome:
        data = dict(request.message.data or {})
        if "since" in data:
            data["since"] = {**data["since"], "epoch": requests._engine.log.epoch}
        return subscribe(
            requests, caller, Request(msgspec.structs.replace(request.message, data=data), request.identity)
        )

    inject(Requests, "_subscribe", subscribe_by_offset)


@mutant(
    "PROTOCOL-030",
    wrong="confirms a subscription with the offset of the log, not of the channel",
    failure="assert (",
    also=("PROTOCOL-040", "PROTOCOL-043"),
)
def names_the_offset_of_the_whole_log(inject: Inject) -> None:
    subscribe = Requests._subscribe

    def subscribe_at_the_logs_end(requests: Requests, caller: Caller, request: Request) -> Outcome:
        answer = subscribe(requests, caller, request).decoded()
        if not answer.get("recovered"):
            answer["offset"] = requests._engine.offset(GLOBAL)
        return Outcome.of(answer)

    inject(Requests, "_subscribe", subscribe_at_the_logs_end)


@mutant(
    "PROTOCOL-042",
    wrong="confirms an offset that the log has not reached yet",
    failure="since {'epoch':",
)
def promises_offsets_that_it_never_had(inject: Inject) -> None:
    subscribe = Requests._subscribe

    def subscribe_ahead(requests: Requests, caller: Caller, request: Request) -> Outcome:
        outcome = subscribe(requests, caller, request)
        since: Any = (request.message.data or {}).get("since")
        answer = outcome.decoded()
        if since and since["epoch"] == answer.get("epoch") and since["offset"] > answer["offset"]:
            return Outcome.of(answer | {"recovered": True})
        return outcome

    inject(Requests, "_subscribe", subscribe_ahead)


@mutant(
    "UPGRADE-020", wrong="promises events that retention has removed", failure="the events after 1 are gone, and yet"
)
def promises_trimmed_events(inject: Inject) -> None:
    subscribe = Requests._subscribe

    def subscribe_anyhow(*arguments: Any) -> Outcome:
        with patch.object(Engine, "log_start", return_value=0):
            return subscribe(*arguments)

    inject(Requests, "_subscribe", subscribe_anyhow)


@mutant(
    "PROTOCOL-029",
    wrong="refuses a subscription for its offset, and sends the channel's events all the same",
    failure="a refused subscription is one",
)
def subscribes_in_spite_of_a_refusal(inject: Inject) -> None:
    subscribe = Requests._subscribe

    def subscribe_anyhow(requests: Requests, caller: Caller, request: Request) -> Outcome:
        try:
            return subscribe(requests, caller, request)
        except InvalidData:
            caller.subscribe(requests._readable(request), None)
            raise

    inject(Requests, "_subscribe", subscribe_anyhow)


@mutant(
    "PROTOCOL-062", wrong="lets a connection subscribe to any number of channels", failure="subscribe was not refused"
)
def accepts_any_number_of_channels(inject: Inject) -> None:
    subscribe = Requests._subscribe

    def subscribe_without_limit(requests: Requests, caller: Caller, request: Request) -> Outcome:
        limits = replace(requests._settings.limits, channels=1_000_000)
        with patch.object(SessionSettings, "limits", limits):
            return subscribe(requests, caller, request)

    inject(Requests, "_subscribe", subscribe_without_limit)


@mutant("PROTOCOL-049", wrong="refuses to resume a client that has missed nothing", failure="(False, ")
def refuses_to_resume_at_the_end(inject: Inject) -> None:
    subscribe = Requests._subscribe

    def subscribe_unless_newest(requests: Requests, caller: Caller, request: Request) -> Outcome:
        answer = subscribe(requests, caller, request).decoded()
        if answer.get("recovered") and answer["offset"] == requests._engine.offset(answer["channel"]):
            answer["recovered"] = False
        return Outcome.of(answer)

    inject(Requests, "_subscribe", subscribe_unless_newest)


@mutant(
    "PROTOCOL-031",
    wrong="confirms that a channel was left, and goes on sending from it",
    failure="events of a channel that was left",
    also=("PROTOCOL-034",),
)
def continues_after_unsubscribe(inject: Inject) -> None:
    def confirm(_requests: Requests, _caller: Caller, request: Request) -> Outcome:
        return Outcome.of({"status": "unsubscribed", "channel": requests._channel(request)})

    inject(Requests, "_unsubscribe", confirm)


@mutant(
    "PROTOCOL-036",
    wrong="confirms that a channel was left which it does not have",
    failure="unsubscribe was not refused",
)
def leaves_channels_that_there_are_not(inject: Inject) -> None:
    unsubscribe = Requests._unsubscribe

    def unsubscribe_anyhow(requests: Requests, caller: Caller, request: Request) -> Outcome:
        try:
            return unsubscribe(requests, caller, request)
        except InvalidChannel:
            return Outcome.of({"status": "unsubscribed"})

    inject(Requests, "_unsubscribe", unsubscribe_anyhow)


@mutant("PROTOCOL-035", wrong="does not find the channel that the published client calls a room", failure="'error'")
def does_not_find_rooms(inject: Inject) -> None:
    channel = requests._channel

    def channel_proper(request: Request) -> str:
        if "channel" not in (request.message.data or {}):
            raise InvalidChannel("A channel is required, as a string.", field="channel")
        return channel(request)

    inject(requests, "_channel", channel_proper)
