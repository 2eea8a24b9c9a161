"""What each permission allows (2, Permissions)."""

import time

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens


@clause(
    "AUTH-030",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A query needs read permission for the service, and with it is answered.",
)
async def test_query_needs_read(connect: Connect, node: Node, sample: RequestSamples) -> None:
    await (await connect()).answer(*sample.command())
    query = sample.readback()
    for permissions in ([], ["elsewhere:read"], ["read"], [node.service], ["*"]):
        client = await connect(user="bob", permissions=permissions)
        for call in (query.call, sample.not_found()):
            assert (await client.refusal(*call)).error_code == "FORBIDDEN", f"allowed with {permissions}"
    reader = await connect(user="ann", permissions=[f"{node.service}:read"])
    query.check(await reader.answer(*query.call))


@clause(
    "AUTH-031",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A command needs write permission: without it, it is FORBIDDEN before its data is read, and does nothing.",
)
async def test_command_needs_write(connect: Connect, node: Node, sample: RequestSamples) -> None:
    reader = await connect(user="ann", permissions=[f"{node.service}:read", "elsewhere:write"])
    for call in (sample.command(), sample.invalid()):
        assert (await reader.refusal(*call)).error_code == "FORBIDDEN", f"{call} is allowed to a reader"
    assert (await reader.refusal(*sample.readback().call)).error_code == "NOT_FOUND", "the command was executed"
    writer = await connect(user="ann", permissions=[f"{node.service}:write"])
    await writer.answer(*sample.command())
    sample.readback().check(await writer.answer(*sample.readback().call))


@clause(
    "AUTH-032",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="Permissions that are no list of strings count as none.",
)
async def test_permissions_of_another_form(
    connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens
) -> None:
    now = time.time()
    for claim in ("admin", f"{node.service}:write", {"admin": True}, True, 1, None, [["admin"]], [{"admin": True}]):
        token = tokens.mint(user_id="ann", permissions=claim, iat=now, exp=now + 300, aud=tokens.audience)
        client = await connect(token=token)
        for call in (sample.command(), sample.readback().call):
            assert (await client.refusal(*call)).error_code == "FORBIDDEN", f"allowed with {claim!r}"


@clause(
    "AUTH-033",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A permission is matched as a whole: a part of one, or one with something around it, allows nothing.",
)
async def test_permissions_match_as_a_whole(connect: Connect, node: Node, sample: RequestSamples) -> None:
    name = node.service
    near = [
        "Admin",
        "admin ",
        "administrator",
        "elsewhere:admin",
        f"{name}:write,{name}:read",
        f"{name}:",
        f"x{name}:write",
    ]
    client = await connect(user="bob", permissions=[*near, f"{name}:writer", f"{name}:*", f"{name}:WRITE", ""])
    for call in (sample.command(), sample.readback().call):
        assert (await client.refusal(*call)).error_code == "FORBIDDEN"
    assert (await client.refusal("subscribe", {"channel": "global"})).error_code == "FORBIDDEN"


@clause(
    "AUTH-034",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="admin, and the service's own admin, may do everything in it.",
)
async def test_admin_may_do_everything(connect: Connect, node: Node, sample: RequestSamples) -> None:
    for n, permission in enumerate(("admin", f"{node.service}:admin")):
        client = await connect(user="root", permissions=[permission])
        await client.answer(*sample.command(n))
        sample.readback(n).check(await client.answer(*sample.readback(n).call))
        for channel in sample.channels(user="somebody").values():
            await client.subscribe(channel)


@clause(
    "AUTH-035",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="Only its user and administrators can subscribe to a private channel and read it.",
    services=("mahavishnu",),
)
async def test_private_channel(connect: Connect, node: Node, sample: RequestSamples) -> None:
    private = sample.private("ann")
    assert private is not None
    own = await connect(user="ann", permissions=[f"{node.service}:write"])
    other = await connect(user="bob", permissions=[f"{node.service}:write"])
    admin = await connect(user="root", permissions=[f"{node.service}:admin"])
    for client in (own, admin):
        await client.subscribe(private.channel)
    for request in ("subscribe", "history", "presence"):
        assert (await other.refusal(request, {"channel": private.channel})).error_code == "FORBIDDEN"
    await own.answer(*private.call)
    for client in (own, admin):
        assert sample.concerns(await client.event(private.event, private.channel))
    assert not await other.fence()


@clause(
    "AUTH-036",
    level="MUST",
    section="2",
    feature="auth",
    profile="core",
    text="A permission to read workflows, pools, workers or teams opens the channels of that name, and nothing else.",
    services=("mahavishnu",),
)
async def test_permission_of_a_channel_kind(connect: Connect, node: Node, sample: RequestSamples) -> None:
    opened = {
        "workflow:read": "workflow:x",
        "pool:read": "pool:x",
        "worker:read": "worker:x",
        "team:read": "goal-teams",
    }
    for permission, own in opened.items():
        client = await connect(user="ann", permissions=[permission])
        await client.subscribe(own)
        for channel in (*(set(opened.values()) - {own}), "global", "adapters"):
            refused = await client.refusal("subscribe", {"channel": channel})
            assert refused.error_code == "FORBIDDEN", f"{permission} opens {channel}"
        for call in (sample.command(), sample.readback().call):
            assert (await client.refusal(*call)).error_code == "FORBIDDEN"
