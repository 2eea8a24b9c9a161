"""A replica dies, the store goes and comes back: nothing answered is lost, and nothing happens in silence (5, 6)."""

from collections.abc import Mapping
from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.suites.replicas.cluster import OUTAGE_DETECTION, Start, wait_for_ready_status
from bodhisattva.suites.upgrade.event_history import (
    answered_ids,
    assert_contiguous_history,
    read_history,
    send_all,
    series_numbers,
)

FAST = {"messages_per_second": 10_000}
IN_FLIGHT = 300
ENOUGH = 20
TRIES = 20
AVAILABILITY_EVENTS = ("server.unavailable", "server.available")


def _place(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"epoch": data["epoch"], "offset": data["offset"]}


@clause(
    "REPLICAS-010",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="After kill -9 of a replica with commands in flight, what it had answered is at the others, its clients' "
    "positions resume there, and its commands can all be sent again there, and take effect once each.",
)
async def test_killed_replica_loses_nothing(
    service: str, cluster: Start, connect: Connect, sample: RequestSamples
) -> None:
    one, two = (await cluster(service, limits=FAST)).replicas
    client, subscriber = await connect(one), await connect(one)
    series = sample.sequence(count=IN_FLIGHT)
    for call in series.setup:
        await client.answer(*call)
    start = (await subscriber.subscribe(series.channel)).data
    names = await send_all(client, series)
    await eventually(lambda: len(answered_ids(client)) >= ENOUGH, f"{ENOUGH} answers", every=0.001)
    await one.kill()
    await client.closed()
    await subscriber.closed()
    promised = {names.index(name) for name in answered_ids(client)}
    elsewhere = await connect(two)
    kept = set(series_numbers(await read_history(elsewhere, series.channel), series, sample))
    assert promised <= kept, f"answered and forgotten: {sorted(promised - kept)}"
    received = [event for event in subscriber.inbox if event.room == series.channel]
    last = {"epoch": received[-1].epoch, "offset": received[-1].offset} if received else _place(start)
    returned = await connect(two)
    assert (await returned.subscribe(series.channel, since=last)).data["recovered"] is True
    for name in await send_all(elsewhere, series):
        reply = await elsewhere.reply(name)
        assert reply.type == "response", f"the retry of {name} was refused: {reply!r}"
    events = await read_history(elsewhere, series.channel)
    assert_contiguous_history(events, two)
    assert series_numbers(events, series, sample) == list(range(IN_FLIGHT))
    missed = await returned.events(events[-1]["offset"] - last["offset"], room=series.channel)
    offsets = [event.offset for event in [*received, *missed]]
    assert offsets == list(range(start["offset"] + 1, start["offset"] + 1 + len(offsets)))


@clause(
    "REPLICAS-011",
    level="MUST",
    section="6",
    feature="replicas",
    profile="scaled",
    text="A service whose store is gone is not ready, and answers UNAVAILABLE to commands, queries and subscriptions.",
)
async def test_without_store(service: str, cluster: Start, connect: Connect, sample: RequestSamples) -> None:
    held = await cluster(service)
    node = held.replicas[0]
    client = await connect(node)
    await client.answer(*sample.command(1))
    await held.store.kill()
    await wait_for_ready_status(node, 503)
    for call in (sample.command(2), sample.readback(1).call, ("subscribe", {"channel": sample.channel(1)})):
        assert (await client.refusal(*call)).error_code == "UNAVAILABLE"
    assert (await node.http("/health")).status == 200


@clause(
    "REPLICAS-012",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="Subscribers get an event when their service's store goes and when it is back.",
)
async def test_subscribers_receive_the_stores_outage(service: str, cluster: Start, connect: Connect) -> None:
    held = await cluster(service)
    subscribers = [await connect(node) for node in held.replicas]
    for subscriber in subscribers:
        await subscriber.subscribe("global")
    await held.store.kill()
    for subscriber in subscribers:
        await subscriber.event("server.unavailable", within=OUTAGE_DETECTION)
    await held.store.start()
    for subscriber in subscribers:
        await subscriber.event("server.available", within=OUTAGE_DETECTION)


@clause(
    "REPLICAS-013",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="After kill -9 of the store and its return every replica goes on by itself: nothing answered is lost, and "
    "subscribers get what follows on their connections, without a gap.",
)
async def test_store_comes_back(service: str, cluster: Start, connect: Connect, sample: RequestSamples) -> None:
    held = await cluster(service, limits=FAST)
    writer, subscriber = await connect(held.replicas[0]), await connect(held.replicas[1])
    series = sample.sequence(count=IN_FLIGHT)
    for call in series.setup:
        await writer.answer(*call)
    start = (await subscriber.subscribe(series.channel)).data
    names = await send_all(writer, series)
    await eventually(lambda: len(answered_ids(writer)) >= ENOUGH, f"{ENOUGH} answers", every=0.001)
    await held.store.kill()
    for node in held.replicas:
        await wait_for_ready_status(node, 503)
    promised = {names.index(name) for name in answered_ids(writer)}
    await held.store.start()
    for node in held.replicas:
        await wait_for_ready_status(node, 200)
    again = await connect(held.replicas[0])
    kept = set(series_numbers(await read_history(again, series.channel), series, sample))
    assert promised <= kept, f"answered and forgotten: {sorted(promised - kept)}"
    for name in await send_all(again, series):
        assert (await again.reply(name)).type == "response"
    events = await read_history(again, series.channel)
    assert sorted(series_numbers(events, series, sample)) == list(range(IN_FLIGHT)), "not once each"
    received = await subscriber.events(len(events) - start["offset"], room=series.channel)
    assert [event.offset for event in received] == list(range(start["offset"] + 1, len(events) + 1))
    assert {event.epoch for event in received} == {start["epoch"]}


@clause(
    "REPLICAS-014",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="A store that comes back without its last delivered events gives the log a new epoch: subscribers have to "
    "come again, and a position of before is answered with recovered false, at every replica.",
)
async def test_lost_tail_is_a_new_epoch(service: str, cluster: Start, connect: Connect, sample: RequestSamples) -> None:
    held = await cluster(service)
    await (await connect(held.replicas[0])).answer(*sample.command(1))
    await held.store.kill()
    for node in held.replicas:
        await wait_for_ready_status(node, 503)
    held.store.back_up()
    await held.store.start()
    for node in held.replicas:
        await wait_for_ready_status(node, 200)
    subscribers = [await connect(node) for node in held.replicas]
    for subscriber in subscribers:
        await subscriber.subscribe("global")
    await subscribers[0].answer(*sample.command(2))
    positions = [await subscriber.event(room="global") for subscriber in subscribers]
    await held.put_back()
    for subscriber in subscribers:
        await subscriber.closed(within=OUTAGE_DETECTION)
    for node, place in zip(held.replicas, positions, strict=True):
        await wait_for_ready_status(node, 200)
        client = await connect(node)
        since = {"epoch": place.epoch, "offset": place.offset}
        joined = (await client.subscribe("global", since=since)).data
        assert joined["epoch"] != place.epoch, "the log lost events, and its epoch is the same"
        assert joined["recovered"] is False
        sample.readback(1).check(await client.answer(*sample.readback(1).call))
        await client.refusal(*sample.readback(2).call)


@clause(
    "REPLICAS-015",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="A store that is emptied under its services gives the log a new epoch, and they go on with an empty one.",
)
async def test_emptied_store_is_a_new_epoch(
    service: str, cluster: Start, connect: Connect, sample: RequestSamples
) -> None:
    held = await cluster(service)
    subscribers = [await connect(node) for node in held.replicas]
    first = [(await subscriber.subscribe("global")).data for subscriber in subscribers]
    await subscribers[0].answer(*sample.command(1))
    held.store.execute("FLUSHALL")
    for subscriber in subscribers:
        await subscriber.closed(within=OUTAGE_DETECTION)
    for node, earlier in zip(held.replicas, first, strict=True):
        await wait_for_ready_status(node, 200)
        joined = (await (await connect(node)).subscribe("global", since=_place(earlier))).data
        assert joined["epoch"] != earlier["epoch"]
        assert (joined["recovered"], joined["offset"]) == (False, 0)


@clause(
    "REPLICAS-016",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="A store that comes back without its last delivered events, and takes no writes at first, gives the log a "
    "new epoch as soon as it does.",
)
async def test_lost_tail_is_not_forgotten(
    service: str, cluster: Start, connect: Connect, sample: RequestSamples
) -> None:
    held = await cluster(service, 1)
    (node,) = held.replicas
    client = await connect(node)
    first = (await client.subscribe("global")).data
    held.store.back_up()
    await client.answer(*sample.command(1))
    await node.pause()
    await held.put_back()
    held.store.execute("CONFIG", "SET", "min-replicas-to-write", "1")
    await node.resume()
    await wait_for_ready_status(node, 503)
    held.store.execute("CONFIG", "SET", "min-replicas-to-write", "0")
    await wait_for_ready_status(node, 200)
    joined = (await (await connect(node)).subscribe("global", since=_place(first))).data
    assert joined["epoch"] != first["epoch"], "the log lost events, and its epoch is the same"
    assert joined["recovered"] is False


@clause(
    "REPLICAS-017",
    level="MUST",
    section="6",
    feature="replicas",
    profile="scaled",
    text="A service whose store answers and takes no writes is not ready, and does not report its store as back "
    "before it is.",
)
async def test_store_takes_no_writes(service: str, cluster: Start, connect: Connect, sample: RequestSamples) -> None:
    held = await cluster(service, 1)
    (node,) = held.replicas
    client, subscriber = await connect(node), await connect(node)
    await client.answer(*sample.command(1))
    held.store.execute("CONFIG", "SET", "min-replicas-to-write", "1")
    for number in range(2, 2 + TRIES):
        assert (await client.refusal(*sample.command(number))).error_code == "UNAVAILABLE"
    events = [each.event for each in await subscriber.fence() if each.event in AVAILABILITY_EVENTS]
    assert events == ["server.unavailable"], f"events about its store: {events}"
    await wait_for_ready_status(node, 503)
    held.store.execute("CONFIG", "SET", "min-replicas-to-write", "0")
    await subscriber.event("server.available", within=OUTAGE_DETECTION)
    await client.answer(*sample.command(2))


@clause(
    "REPLICAS-044",
    level="MUST",
    section="6",
    feature="replicas",
    profile="scaled",
    text="A service whose store takes no writes any more is not ready and notifies its clients, though no command "
    "is sent.",
)
async def test_store_that_takes_no_writes_is_noticed(service: str, cluster: Start, connect: Connect) -> None:
    held = await cluster(service, 1)
    (node,) = held.replicas
    subscriber = await connect(node)
    held.store.execute("CONFIG", "SET", "min-replicas-to-write", "1")
    await wait_for_ready_status(node, 503)
    await subscriber.event("server.unavailable", within=OUTAGE_DETECTION)
    held.store.execute("CONFIG", "SET", "min-replicas-to-write", "0")
    await wait_for_ready_status(node, 200)
    await subscriber.event("server.available", within=OUTAGE_DETECTION)
