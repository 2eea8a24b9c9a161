"""Who may upgrade at all (2.1)."""

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.endings import HandshakeRefused
from bodhisattva.fixtures.fixture_types import Connect, Fresh, Raw
from bodhisattva.fixtures.stack.node import Node


@clause(
    "SECURITY-001",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="A page whose Origin is neither the service's own nor on the allow-list is refused with 403 before the "
    "upgrade, even with a good token.",
)
async def test_foreign_origin_is_403(connect: Connect, node: Node) -> None:
    bearer = f"Bearer {node.tokens.usual(node.service)}"
    for origin in ("https://elsewhere.example", "null", node.origin + ".elsewhere.example", ""):
        for headers in ({"Origin": origin}, {"Origin": origin, "Authorization": bearer}):
            with pytest.raises(HandshakeRefused) as refused:
                await connect(authenticate=False, headers=headers)
            assert refused.value.status == 403, f"Origin {origin!r}"


@clause(
    "SECURITY-002",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="A page of an Origin on the allow-list is let in; one whose name only begins or ends like it is not.",
)
async def test_allowed_origin(connect: Connect, fresh: Fresh) -> None:
    node = await fresh(origins=["https://ui.example"])
    client = await connect(node, headers={"Origin": "https://ui.example"})
    assert client.welcome is not None
    for near in ("http://ui.example", "https://ui.example.net", "https://my-ui.example", "https://ui.example:8443"):
        with pytest.raises(HandshakeRefused) as refused:
            await connect(node, authenticate=False, headers={"Origin": near})
        assert refused.value.status == 403, f"Origin {near!r}"


@clause(
    "SECURITY-003",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="A WebSocket version other than 13 is refused with 426 and Sec-WebSocket-Version: 13.",
)
async def test_other_version_is_426(raw: Raw, node: Node) -> None:
    for version in ("12", "8", "14", "x"):
        peer = await raw(upgrade=False)
        answer = await peer.upgrade(headers={"Sec-WebSocket-Version": version})
        assert answer.status == 426, f"version {version}: {answer.status}"
        assert answer.headers.get("sec-websocket-version") == "13"


@clause(
    "SECURITY-004",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="The upgrade is offered at / and /ws, and nowhere else.",
)
async def test_paths_of_the_upgrade(raw: Raw, node: Node) -> None:
    for path, expected in (("/", True), ("/ws", True), ("/health", False), ("/nowhere", False), ("/ws/x", False)):
        peer = await raw(upgrade=False)
        answer = await peer.upgrade(path)
        assert (answer.status == 101) is expected, f"{path}: {answer.status}"


@clause(
    "SECURITY-005",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="A request that lacks a part of the upgrade is refused with a 4xx and never becomes a WebSocket.",
)
async def test_incomplete_upgrade(raw: Raw, node: Node) -> None:
    lacking: list[dict[str, str | None]] = [
        {"Sec-WebSocket-Key": None},
        {"Sec-WebSocket-Key": "too short"},
        {"Sec-WebSocket-Version": None},
        {"Upgrade": None},
        {"Upgrade": "h2c"},
        {"Connection": None},
        {"Connection": "keep-alive"},
    ]
    for headers in lacking:
        peer = await raw(upgrade=False)
        answer = await peer.upgrade(headers=headers)
        assert 400 <= answer.status < 500, f"{headers}: {answer.status}"


@clause(
    "SECURITY-007",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="Whatever is no GET is refused with a 4xx and never becomes a WebSocket (RFC 6455, 4.1).",
)
async def test_upgrade_by_another_method(raw: Raw, node: Node) -> None:
    for method in ("POST", "PUT", "OPTIONS", "HEAD"):
        for path in ("/", "/ws"):
            peer = await raw(upgrade=False)
            answer = await peer.upgrade(path, method=method)
            assert 400 <= answer.status < 500, f"{method} {path}: {answer.status}"


@clause(
    "SECURITY-006",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="An upgrade over HTTP/1.0 is refused with a 4xx and never becomes a WebSocket (RFC 6455, 4.2.1).",
)
async def test_upgrade_over_earlier_http(raw: Raw, node: Node) -> None:
    for path in ("/", "/ws"):
        peer = await raw(upgrade=False)
        answer = await peer.upgrade(path, version="1.0")
        assert 400 <= answer.status < 500, f"HTTP/1.0 at {path}: {answer.status}"


@clause(
    "SECURITY-243",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="A page of the service's own origin is let in, however its host is capitalised.",
)
async def test_own_origin(raw: Raw, node: Node) -> None:
    own = own_origin(node, node.port)
    for origin in (own, own.upper()):
        peer = await raw(upgrade=False)
        answer = await peer.upgrade(headers={"Origin": origin})
        assert answer.status == 101, f"Origin {origin!r}: {answer.status}"


def own_origin(node: Node, port: int) -> str:
    """Of a page at the host of the WebSocket."""
    host = f"[{node.host}]" if ":" in node.host else node.host
    return f"{'https' if node.secure else 'http'}://{host}:{port}"


@clause(
    "SECURITY-244",
    level="MUST",
    section="2.1",
    feature="core",
    profile="secure",
    text="An Origin of another port, host or scheme than the service's own, or that is no origin, is refused with 403.",
)
async def test_nearly_own_origin(raw: Raw, node: Node) -> None:
    own = own_origin(node, node.port)
    scheme, _, place = own.partition("://")
    for origin in (own_origin(node, node.port + 1), f"ws://{place}", f"{own}/", f"{scheme}://x@{place}"):
        peer = await raw(upgrade=False)
        answer = await peer.upgrade(headers={"Origin": origin})
        assert answer.status == 403, f"Origin {origin!r}: {answer.status}"


@clause(
    "SECURITY-245",
    level="MUST",
    section="6",
    feature="core",
    profile="secure",
    text="No answer's Server header has a version.",
)
async def test_server_header(raw: Raw, node: Node) -> None:
    for path, headers in (("/ws", {}), ("/health", {}), ("/nowhere", {}), ("/ws", {"Sec-WebSocket-Version": "12"})):
        peer = await raw(upgrade=False)
        answer = await peer.upgrade(path, headers=headers)
        server = answer.headers.get("server", "")
        assert not any(each.isdigit() for each in server), f"{answer.status} at {path}: Server: {server}"
    peer = await raw(upgrade=False)
    await peer.send(b"no HTTP\r\n\r\n")
    server = (await peer.answer()).headers.get("server", "")
    assert not any(each.isdigit() for each in server), f"what is no HTTP: Server: {server}"
