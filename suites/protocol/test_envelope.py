"""The form of everything that a service sends (1)."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.wire import WireClient

KEYS = {
    "id",
    "type",
    "event",
    "data",
    "timestamp",
    "correlation_id",
    "room",
    "error_code",
    "error_message",
}
CODES = {
    "AUTH_FAILED",
    "AUTH_REQUIRED",
    "TOKEN_EXPIRED",
    "FORBIDDEN",
    "UNKNOWN_REQUEST",
    "DECODE_ERROR",
    "INVALID_MESSAGE",
    "INVALID_CHANNEL",
    "INVALID_DATA",
    "NOT_FOUND",
    "CONFLICT",
    "RATE_LIMIT_EXCEEDED",
    "LIMIT_EXCEEDED",
    "UNAVAILABLE",
    "INTERNAL_ERROR",
}


async def one_of_each(client: WireClient, sample: RequestSamples) -> dict[str, Envelope]:
    """A frame of every kind that a service sends."""
    assert client.auth is not None
    assert client.welcome is not None
    joined = await client.subscribe(sample.channel())
    response = await client.answer(*sample.command())
    event = await client.event(sample.event, sample.channel(), where=sample.concerns)
    refused = await client.refusal(*sample.not_found())
    pong = await client.request("ping")
    await client.send("this is no JSON")
    uncorrelated = await client.error("DECODE_ERROR")
    return {
        "auth": client.auth,
        "welcome": client.welcome,
        "subscribed": joined,
        "response": response,
        "event": event,
        "error": refused,
        "uncorrelated error": uncorrelated,
        "pong": pong,
    }


@clause(
    "PROTOCOL-001",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="Every message of a server has the nine keys of the envelope, those without a meaning in it as null.",
)
async def test_nine_keys_in_every_message(connect: Connect, sample: RequestSamples) -> None:
    frames = await one_of_each(await connect(), sample)
    for kind, frame in frames.items():
        missing = KEYS - frame.raw.keys()
        assert not missing, f"{kind} lacks {sorted(missing)}: {frame!r}"
    for kind in ("auth", "subscribed", "response", "pong", "event", "welcome"):
        assert frames[kind].error_code is None, f"{kind} has an error code"
        assert frames[kind].error_message is None, f"{kind} has an error message"
    for kind in ("event", "welcome", "uncorrelated error"):
        assert frames[kind].correlation_id is None, f"{kind} answers nothing but correlates"
    for kind in ("auth", "response", "error", "pong", "welcome"):
        assert frames[kind].room is None, f"{kind} is on no channel but has a room"
    assert frames["uncorrelated error"].event is None, "an error without a request names one"


@clause(
    "PROTOCOL-002",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="A server's messages are of type response, event, error or pong, and their data is an object.",
)
async def test_types_and_data_of_messages(connect: Connect, sample: RequestSamples) -> None:
    frames = await one_of_each(await connect(), sample)
    expected = {
        "auth": "response",
        "welcome": "event",
        "subscribed": "response",
        "response": "response",
        "event": "event",
        "error": "error",
        "uncorrelated error": "error",
        "pong": "pong",
    }
    assert {kind: frame.type for kind, frame in frames.items()} == expected
    for kind, frame in frames.items():
        assert isinstance(frame.data, dict), f"data of the {kind} is no object: {frame!r}"


@clause(
    "PROTOCOL-003",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="Every message of a server has an id of its own, a UUID.",
)
async def test_message_ids_are_fresh_uuids(connect: Connect, sample: RequestSamples) -> None:
    frames = await one_of_each(await connect(), sample)
    ids = [frame.id for frame in frames.values()]
    assert [str(uuid.UUID(name)) for name in ids] == [str(name).lower() for name in ids]
    assert len(set(ids)) == len(ids), f"ids repeat: {ids}"
    assert not {frame.correlation_id for frame in frames.values()} & set(ids), "a request's id is used again"


@clause(
    "PROTOCOL-004",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="The timestamp of a server's message is ISO 8601 in UTC, with the offset written out.",
)
async def test_timestamps_are_utc_with_offset(connect: Connect, sample: RequestSamples) -> None:
    for kind, frame in (await one_of_each(await connect(), sample)).items():
        timestamp = datetime.fromisoformat(frame.timestamp)
        assert timestamp.utcoffset() == timedelta(0), f"{kind}: {frame.timestamp} is not UTC with its offset"


@clause(
    "PROTOCOL-005",
    level="MUST",
    section="3",
    feature="core",
    profile="core",
    text="An error carries one of the protocol's codes, a message for people and the request's name as event.",
)
async def test_errors_have_a_code_and_a_message(connect: Connect, sample: RequestSamples) -> None:
    frames = await one_of_each(await connect(), sample)
    for kind in ("error", "uncorrelated error"):
        error = frames[kind]
        assert error.error_code in CODES, f"{error.error_code} is none of the codes"
        assert isinstance(error.error_message, str), f"no message: {error!r}"
        assert error.error_message.strip(), f"an empty message: {error!r}"
    assert frames["error"].event == sample.not_found().event


@clause(
    "PROTOCOL-006",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="An answer's event is the name of the request.",
)
async def test_answers_name_their_request(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    for event, data in (sample.command(), sample.readback().call, sample.not_found(), sample.invalid()):
        assert (await client.request(event, data)).event == event
    assert (await client.subscribe(sample.channel())).event == "subscribe"
    assert (await client.request("no_such_request")).event == "no_such_request"


@clause(
    "PROTOCOL-007",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="Keys that mean nothing to a server, and those that only servers write, are ignored in what it receives.",
)
async def test_unknown_keys_are_ignored(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    strange: dict[str, Any] = {
        "room": "nowhere:at-all",
        "error_code": "FORBIDDEN",
        "error_message": "not to be echoed",
        "x-extension": {"deep": [1, None, True]},
        "": 0,
    }
    reply = await client.answer(*sample.command(), **strange)
    assert reply.room is None
    assert reply.error_code is None
    assert "not to be echoed" not in reply.text
    sample.readback().check(await client.answer(*sample.readback().call))


@clause(
    "PROTOCOL-008",
    level="MUST",
    section="1",
    feature="core",
    profile="core",
    text="A request without data, or with null in its place, is taken as one with empty data.",
)
async def test_data_may_be_left_out(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    event, _ = sample.invalid()
    empty = await client.refusal(event, {})
    for n, frame in enumerate(({}, {"data": None})):
        await client.send({"type": "request", "id": f"ping {n}", "event": "ping", **frame})
        assert (await client.reply(f"ping {n}")).type == "pong"
        await client.send({"type": "request", "id": f"empty {n}", "event": event, **frame})
        refused = await client.reply(f"empty {n}")
        assert (refused.error_code, refused.data) == (empty.error_code, empty.data), f"{frame}: {refused!r}"
