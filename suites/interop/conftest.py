"""The peers' interpreter, without which nothing here is begun, and the fixtures that the clauses use."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bodhisattva.fixtures.clause_fixtures import token_for
from bodhisattva.fixtures.evidence import add_source
from bodhisattva.fixtures.run import Run
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.interop.client_factories import OpenPublished, OpenStrict
from bodhisattva.suites.interop.peer_process import PeerMissing, PeerProcess, peer_versions
from bodhisattva.suites.interop.published_client import PublishedClient
from bodhisattva.suites.interop.strict_client import StrictClient

CLIENTS: pytest.StashKey[str] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Without the published client there is nothing to judge: refused before anything is started."""
    if config.option.collectonly or config.stash[Run.KEY].is_worker:
        return
    try:
        config.stash[CLIENTS] = peer_versions()
    except PeerMissing as error:
        pytest.exit(str(error), returncode=2)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"clients: {config.stash.get(CLIENTS, 'not determined')}"]


@pytest.fixture(scope="session")
async def peer_process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PeerProcess]:
    """The program that works published clients, started once: it takes seconds to import them."""
    process = await PeerProcess.start("mcp_common_program", tmp_path_factory.mktemp("peer") / "stderr.log")
    yield process
    await process.close()


@pytest.fixture(scope="session")
async def library_process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PeerProcess]:
    """The program that works connections of the websockets library."""
    process = await PeerProcess.start("websockets_program", tmp_path_factory.mktemp("library") / "stderr.log")
    yield process
    await process.close()


@pytest.fixture
def authority_file(node: Node, tmp_path: Path) -> str | None:
    """The certificate authority of the test's node as a file; None if it is one of the machine's own."""
    if node.ca is None:
        return None
    file = tmp_path / "ca.pem"
    file.write_bytes(node.ca)
    return str(file)


@pytest.fixture
async def published(
    node: Node, authority_file: str | None, peer_process: PeerProcess, request: pytest.FixtureRequest
) -> AsyncIterator[OpenPublished]:
    opened: list[PublishedClient] = []
    own = node
    await peer_process.do("take_log")
    add_source(request.node, "standard error of the peer", peer_process.errors)

    async def open_one(
        node: Node | None = None,
        *,
        token: str | None = "",
        handle: Sequence[str] = (),
        ca: bool = True,
        connect: bool = True,
        **options: Any,
    ) -> PublishedClient:
        at = node or own
        given = {
            "uri": at.url,
            "token": token_for(at, None, None) if token == "" else token,
            "ca_file": authority_file if ca else None,
            "reconnect": False,
            "handle": handle,
            **options,
        }
        client = PublishedClient(peer_process, await peer_process.do("open", **given))
        opened.append(client)
        if connect:
            await client.connect()
        return client

    yield open_one
    for client in opened:
        await client.close()


@pytest.fixture
async def strict(
    node: Node, authority_file: str | None, library_process: PeerProcess, request: pytest.FixtureRequest
) -> AsyncIterator[OpenStrict]:
    opened: list[StrictClient] = []
    own = node
    add_source(request.node, "standard error of the library's process", library_process.errors)

    async def open_one(node: Node | None = None, *, authenticate: bool = True, **options: Any) -> StrictClient:
        at = node or own
        there = await library_process.do("open", uri=at.url, ca_file=authority_file, **options)
        client = StrictClient(library_process, there)
        opened.append(client)
        if authenticate:
            await client.answer("auth", {"token": token_for(at, None, None)})
            assert (await client.receive()).event == "session.created"
        return client

    yield open_one
    for client in opened:
        await client.close()
