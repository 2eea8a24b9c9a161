"""A running fleet with breakable links to it: what workloads use and faults break."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from toxiproxy import Toxiproxy as Api

from bodhisattva.chaos.toxiproxy import Link, call
from bodhisattva.chaos.toxiproxy_server import HOST, toxiproxy_server
from bodhisattva.fixtures.stack.base import Node, Stack
from bodhisattva.fixtures.stack.select import Choice, build
from bodhisattva.fixtures.tokens import Tokens


@dataclass(frozen=True)
class Testbed:
    """nodes: by service. links: by `service/link`."""

    __test__ = False

    tokens: Tokens
    nodes: dict[str, Node]
    links: dict[str, Link]

    def target(self, name: str) -> Link | Node:
        """The link or node that a schedule calls `name`."""
        return self.links[name] if name in self.links else self.nodes[name]

    async def cure_links(self) -> None:
        """Leave every link whole and prove it."""
        for link in self.links.values():
            await link.cure()


@asynccontextmanager
async def testbed(
    choice: Choice,
    services: Sequence[str],
    links: Sequence[str],
    folder: Path,
    launcher: Sequence[str] | None,
) -> AsyncIterator[Testbed]:
    """Start Toxiproxy, the services and a link of each name to each service; their logs are left in `folder`.

    launcher: the command line in front of `serve SERVICE…`, on the process stack. Raises StackError or
    ToxiproxyError if it does not come up.
    """
    owner = os.getpid()
    async with toxiproxy_server(choice.kind, owner, folder / "toxiproxy.log"):
        with TemporaryDirectory(prefix="bodhisattva-chaos-", ignore_cleanup_errors=True) as state:
            stack = await asyncio.to_thread(build, choice, Path(state), owner, launcher)
            try:
                await asyncio.to_thread(stack.start, services)
                yield Testbed(stack.tokens, stack.nodes, await _links(stack, links))
            finally:
                await _keep_logs(stack, folder)
                await asyncio.to_thread(stack.close)


async def _links(stack: Stack, names: Sequence[str]) -> dict[str, Link]:
    return {
        f"{service}/{name}": await _link(f"{service}-{name}", node)
        for service, node in stack.nodes.items()
        for name in names
    }


async def _link(name: str, node: Node) -> Link:
    upstream = f"{node.host}:{node.port}"
    proxy = await call(f"creating {name}", Api().create, upstream, name, f"{HOST}:0")
    return Link(name, HOST, urlsplit(f"//{proxy.listen}").port or 0, node.trust, proxy)


async def _keep_logs(stack: Stack, folder: Path) -> None:
    for service, node in stack.nodes.items():
        (folder / f"{service}.log").write_text(await node.log(), encoding="utf-8")
