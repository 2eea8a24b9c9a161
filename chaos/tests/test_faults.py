"""Each fault has evidence of its effect, heals, and has none where it was not injected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bodhisattva.chaos import toxiproxy, toxiproxy_server
from bodhisattva.chaos.fault import Fault, fault_named
from bodhisattva.chaos.faults import full_disk
from bodhisattva.chaos.generator import IndependentCommands
from bodhisattva.chaos.registry import entries
from bodhisattva.chaos.schedule import rng_for
from bodhisattva.chaos.toxiproxy import Link, ToxiproxyError
from bodhisattva.fixtures.clock import bounded
from bodhisattva.fixtures.stack.controls import StackError
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.stack.process import ProcessStack
from bodhisattva.fixtures.stack.redis import Redis
from bodhisattva.fixtures.wire import WireClient

pytestmark = pytest.mark.deploy

FAULTS: dict[str, Fault[Any]] = entries("bodhisattva.chaos.faults", "FAULT")
LINK_FAULTS = [name for name, fault in FAULTS.items() if fault.target_type is Link]
NODE_FAULTS = [name for name, fault in FAULTS.items() if fault.target_type is Node]
OWN_STORE_FAULTS = ["full-disk"]
STORE_FAULTS = [
    *(name for name in NODE_FAULTS if name not in OWN_STORE_FAULTS),
    *(name for name, fault in FAULTS.items() if fault.target_type is Redis),
]


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    stack = ProcessStack(tmp_path_factory.mktemp("stack"))
    try:
        await asyncio.to_thread(stack.start, ["mahavishnu"])
        yield stack.nodes["mahavishnu"]
    finally:
        await asyncio.to_thread(stack.close)


@pytest.fixture(scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Redis]:
    stack = ProcessStack(tmp_path_factory.mktemp("store"))
    try:
        made = stack.redis()
        await made.start()
        yield made
    finally:
        await asyncio.to_thread(stack.close)


def test_there_are_faults_of_all_kinds() -> None:
    assert LINK_FAULTS == ["down", "latency", "reset-peer", "stall"]
    assert NODE_FAULTS == ["full-disk", "kill", "pause", "stop"]
    assert STORE_FAULTS == ["kill", "pause", "stop", "lose-tail"]


@pytest.mark.parametrize("name", LINK_FAULTS)
async def test_a_fault_on_a_link_bites_and_heals(name: str, link: Link) -> None:
    fault = fault_named(name)
    parameters = fault.parameters(rng_for(1, "test"))
    before = await fault.inject(link, parameters)
    try:
        evidence = await fault.evidence(link, parameters, before)
    finally:
        await fault.heal(link)
    assert evidence.bit, evidence
    assert await link.toxics() == {}
    assert (await link.probe(2)).outcome == "answered"


@pytest.mark.parametrize("name", NODE_FAULTS)
async def test_a_fault_on_a_node_bites_and_heals(name: str, node: Node) -> None:
    fault = fault_named(name)
    before = await fault.inject(node, {})
    try:
        if name in OWN_STORE_FAULTS:
            await _cannot_be_kept(node)
        evidence = await fault.evidence(node, {}, before)
    finally:
        await fault.heal(node)
    assert evidence.bit, evidence
    assert node.is_ready()


async def _cannot_be_kept(node: Node) -> None:
    generator = IndependentCommands(node.service, "full-disk")
    client = await WireClient.open(node.url, node.trust)
    try:
        await client.authenticate(node.tokens.valid("writer", generator.write_permissions))
        assert (await client.refusal(*generator.command("0"))).error_code == "UNAVAILABLE"
    finally:
        await client.abort()


async def test_a_disk_that_has_room_is_no_evidence(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_disk, "NOTICED", 0.2)
    assert not (await fault_named("full-disk").evidence(node, {}, {"ready": True})).bit


@pytest.mark.parametrize("name", STORE_FAULTS)
async def test_a_fault_on_the_store_bites_and_heals(name: str, store: Redis) -> None:
    fault = fault_named(name)
    parameters = fault.parameters(rng_for(1, "test"))
    injecting = asyncio.create_task(fault.inject(store, parameters))
    while not injecting.done():
        store.execute("INCR", "writes")
        await asyncio.wait([injecting], timeout=0.05)
    before = await injecting
    try:
        evidence = await fault.evidence(store, parameters, before)
    finally:
        await fault.heal(store)
    assert evidence.bit, evidence
    assert store.is_ready()


async def test_a_tail_that_was_not_lost_is_no_evidence(store: Redis) -> None:
    fault = fault_named("lose-tail")
    assert not (await fault.evidence(store, {}, {"bytes": store.size() + 1})).bit, "the store runs"
    await store.kill()
    assert not (await fault.evidence(store, {}, {"bytes": store.size()})).bit, "it has all that it had"
    await fault.heal(store)


@pytest.mark.parametrize("name", LINK_FAULTS)
async def test_a_fault_that_does_nothing_has_no_evidence(
    name: str, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object, **__: object) -> None:
        """What Toxiproxy would do if it took the request and ignored it."""

    monkeypatch.setattr(link, "add_toxic", nothing)
    monkeypatch.setattr(link, "disable", nothing)
    fault = fault_named(name)
    parameters = fault.parameters(rng_for(1, "test"))
    before = await fault.inject(link, parameters)
    assert not (await fault.evidence(link, parameters, before)).bit


async def test_a_pause_that_does_nothing_has_no_evidence(node: Node) -> None:
    fault = fault_named("pause")
    assert not (await fault.evidence(node, {}, {"outcome": "answered"})).bit


async def test_an_end_that_was_none_or_not_in_order_is_no_evidence(node: Node) -> None:
    fault = fault_named("stop")
    assert not (await fault.evidence(node, {}, {"running": True, "exit_code": 0})).bit, "it answers"
    await node.kill()
    assert not (await fault.evidence(node, {}, {"running": True, "exit_code": -9})).bit, "it was killed"
    assert not (await fault.evidence(node, {}, {"running": False, "exit_code": 0})).bit, "it had ended before"
    await fault.heal(node)


@pytest.mark.parametrize("name", LINK_FAULTS)
async def test_healing_a_whole_link_is_harmless(name: str, link: Link) -> None:
    await fault_named(name).heal(link)
    assert (await link.probe(2)).outcome == "answered"


@pytest.mark.parametrize("name", NODE_FAULTS)
async def test_healing_a_whole_node_is_harmless(name: str, node: Node) -> None:
    await fault_named(name).heal(node)
    assert node.is_ready()


async def test_a_stall_holds_back_and_loses_nothing(link: Link) -> None:
    reader, writer = await asyncio.open_connection(link.host, link.port)
    try:
        writer.write(b"before\n")
        assert await bounded(reader.readline(), "the first line") == b"before\n"
        await fault_named("stall").inject(link, {})
        writer.write(b"during\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.5)
        await fault_named("stall").heal(link)
        writer.write(b"after\n")
        lines = [await bounded(reader.readline(), "what was held back") for _ in range(2)]
        assert lines == [b"during\n", b"after\n"]
    finally:
        writer.close()


async def test_a_reset_ends_connections_that_were_there_before(link: Link) -> None:
    reader, writer = await asyncio.open_connection(link.host, link.port)
    try:
        await fault_named("reset-peer").inject(link, {})
        writer.write(b"during\n")
        with suppress(ConnectionResetError):
            assert await bounded(reader.read(), "the end of the connection") == b""
    finally:
        await fault_named("reset-peer").heal(link)
        writer.close()


async def test_a_toxic_that_cannot_be_removed_costs_the_proxy_its_place(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shopify/toxiproxy issue 558: the call hangs, so the proxy is made anew on the same port."""
    hung = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(toxiproxy, "LIMIT", 0.3)
    monkeypatch.setattr(
        link.proxy,
        "destroy_toxic",
        lambda _: asyncio.run_coroutine_threadsafe(hung.wait(), loop).result(),
    )
    await link.add_toxic("latency", latency=10, jitter=0)
    await link.reset()
    hung.set()
    assert await link.toxics() == {}
    assert (await link.probe(2)).outcome == "answered"


async def test_what_toxiproxy_did_not_do_is_an_error(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    """toxiproxy-python does not raise on a server error, so that every change is read back."""
    monkeypatch.setattr(link.proxy, "add_toxic", lambda **_: None)
    monkeypatch.setattr(link.proxy, "disable", lambda: None)
    with pytest.raises(ToxiproxyError, match="wanted latency, the proxy has"):
        await link.add_toxic("latency", latency=10)
    with pytest.raises(ToxiproxyError, match="wanted enabled=False"):
        await link.disable()


async def test_a_toxic_left_behind_is_an_error(link: Link) -> None:
    await link.add_toxic("latency", latency=10, jitter=0)
    with pytest.raises(ToxiproxyError, match="after the reset there remain"):
        await link.assert_healthy()
    await link.reset()


def test_a_missing_server_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(toxiproxy_server, "BUILT", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="run ci/toxiproxy") as caught:
        toxiproxy_server.require("process")
    assert "\n" not in str(caught.value)
