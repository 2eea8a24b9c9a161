"""A running fleet with breakable links to it: what workloads use and faults break."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from toxiproxy import Toxiproxy as Api

from bodhisattva.chaos.probe import PING
from bodhisattva.chaos.schedule import STORE
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.toxiproxy import Link, call
from bodhisattva.chaos.toxiproxy_server import HOST, toxiproxy_server
from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.fixtures.stack.controls import StackError
from bodhisattva.fixtures.stack.kinds import EMBEDDED
from bodhisattva.fixtures.stack.managed import ManagedStack
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.stack.redis import Redis
from bodhisattva.fixtures.stack.select import Choice, build, require_redis
from bodhisattva.fixtures.tokens import Tokens

TO_STORE = "redis"
_STORE_PATIENCE = 1  # seconds after which a service takes its store for gone


@dataclass(frozen=True)
class Testbed:
    """services: the processes of each. nodes: by process. links: by `process/link`. store: what replicas share."""

    __test__ = False

    tokens: Tokens
    services: dict[str, tuple[str, ...]]
    nodes: dict[str, Node]
    links: dict[str, Link]
    store: Redis | None = None
    _clients: Iterator[int] = field(default_factory=count)
    _used: set[str] = field(default_factory=lambda: {TO_STORE})

    def target(self, name: str) -> Link | Node:
        """The link, process or store that a schedule calls `name`."""
        if name == STORE and self.store is not None:
            return self.store
        return self.links[name] if name in self.links else self.nodes[name]

    def targets(self, kind: type[Any]) -> list[Link | Node]:
        """Everything that a fault of this kind may have hit; the store first, without which no replica starts."""
        everything = [*([self.store] if self.store is not None else []), *self.links.values(), *self.nodes.values()]
        return [target for target in everything if isinstance(target, kind)]

    def links_in_turn(self, service: str, link: str) -> Iterator[Link]:
        """The links of this name to the service's processes, in turn and for ever; each caller begins elsewhere."""
        self._used.add(link)
        links = [self.links[f"{process}/{link}"] for process in self.services[service]]
        return islice(cycle(links), next(self._clients) % len(links), None)

    def assert_used(self, names: Iterable[str]) -> None:
        """StackError if one of these targets is a link that no client uses: what breaks it hits no operation."""
        for name in names:
            if name in self.links and name.rpartition("/")[2] not in self._used:
                raise StackError(f"no client uses the link {name}, which is to be broken: name it in a workload.")

    async def kill_and_restart(self) -> None:
        """Everything at once, so that what is left is what was on the disk."""
        alone = [self.store] if self.store is not None else []
        await asyncio.gather(*(node.kill() for node in (*alone, *self.nodes.values())))
        for store in alone:
            await store.start()
        await asyncio.gather(*(node.start() for node in self.nodes.values()))


@asynccontextmanager
async def testbed(
    choice: Choice, topology: Topology, folder: Path, launcher: Sequence[str] | None
) -> AsyncIterator[Testbed]:
    """Start Toxiproxy, the services and a link of each name to each process; their logs are left in `folder`.

    launcher: the command line in front of `serve SERVICE…`, on the process stack. Raises StackError or
    ToxiproxyError if it does not come up.
    """
    if topology.shared:
        require_redis(choice.kind)
    owner = os.getpid()
    async with AsyncExitStack() as around:
        if topology.proxied:
            await around.enter_async_context(toxiproxy_server(choice.kind, owner, folder / "toxiproxy.log"))
        state = TemporaryDirectory(prefix="bodhisattva-chaos-", ignore_cleanup_errors=True)
        own = replace(choice, log=EMBEDDED) if topology.own_store else choice
        stack = await asyncio.to_thread(build, own, Path(around.enter_context(state)), owner, launcher)
        bed = Testbed(stack.tokens, topology.processes, stack.nodes, {})
        try:
            bed = await _begin(stack, topology)
            yield bed
        finally:
            try:
                await _keep_logs(bed, folder)
            finally:
                await asyncio.to_thread(stack.close)


async def _begin(stack: Stack, topology: Topology) -> Testbed:
    if topology.shared and isinstance(stack, ManagedStack):
        return await _replicated(stack, topology)
    if topology.settings:
        stack.nodes |= {service: stack.fresh(service, topology.settings) for service in topology.services}
        await asyncio.gather(*(node.start() for node in stack.nodes.values()))
    else:
        await asyncio.to_thread(stack.start, topology.services)
    return Testbed(stack.tokens, topology.processes, stack.nodes, await _links(stack.nodes, topology.links))


async def _replicated(stack: ManagedStack, topology: Topology) -> Testbed:
    """Each process reaches the store through a link of its own."""
    store = stack.redis()
    await store.start()
    nodes, links = stack.nodes, dict[str, Link]()
    for service, processes in topology.processes.items():
        for process in processes:
            link = await _link(f"{process}-{TO_STORE}", store, stack.host_address)
            url = f"redis://{link.host}:{link.port}/0"
            log = {"kind": "redis", "url": url, "prefix": service, "timeout": _STORE_PATIENCE}
            nodes[process] = stack.fresh(service, {"log": log})
            links[f"{process}/{TO_STORE}"] = link
    await asyncio.gather(*(node.start() for node in nodes.values()))
    links |= await _links(nodes, topology.links)
    return Testbed(stack.tokens, topology.processes, nodes, links, store)


async def _links(nodes: dict[str, Node], names: Sequence[str]) -> dict[str, Link]:
    return {
        f"{process}/{name}": await _link(f"{process}-{name}", node) for process, node in nodes.items() for name in names
    }


async def _link(name: str, node: Node, host: str = HOST) -> Link:
    upstream = f"{node.host}:{node.port}"
    proxy = await call(f"creating {name}", Api().create, upstream, name, f"{host}:0")
    port = urlsplit(f"//{proxy.listen}").port or 0
    if isinstance(node, Redis):
        return Link(name, host, port, None, proxy, PING)
    return Link(name, host, port, node.trust, proxy)


async def _keep_logs(bed: Testbed, folder: Path) -> None:
    named = bed.nodes if bed.store is None else {**bed.nodes, STORE: bed.store}
    for name, node in named.items():
        (folder / f"{name}.log").write_text(await node.log(), encoding="utf-8")
