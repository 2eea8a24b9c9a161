"""The six cases of the earlier round, under the names that their owner knows."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.suites.auth.rejected_tokens import assert_token_rejected


class TestJWTAuthentication:
    @clause(
        "AUTH-001",
        level="MUST",
        section="2.3",
        feature="auth",
        profile="core",
        text="A valid token as the first message is answered with status, user and end, and opens the service to it.",
        baseline="TestJWTAuthentication::valid_token_authenticates",
    )
    async def test_valid_token_authenticates(self, connect: Connect, node: Node, sample: RequestSamples) -> None:
        client = await connect(user="ann", permissions=[f"{node.service}:write"])
        assert client.auth is not None
        assert client.auth.event == "auth"
        assert client.auth.data["status"] == "authenticated"
        assert client.auth.data["user_id"] == "ann"
        assert client.auth.data["expires_at"], f"no end is named: {client.auth!r}"
        assert client.welcome is not None
        assert client.welcome.data["authenticated"] is True
        await client.answer(*sample.command())
        sample.readback().check(await client.answer(*sample.readback().call))

    @clause(
        "AUTH-002",
        level="MUST",
        section="2",
        feature="auth",
        profile="core",
        text="A token whose end has passed, by an hour or by a second, is refused.",
        baseline="TestJWTAuthentication::expired_token_rejected",
    )
    async def test_expired_token_rejected(self, connect: Connect, node: Node, tokens: Tokens) -> None:
        for ago in (3600, 60, 1):
            await assert_token_rejected(connect, node, tokens.expired(permissions=["admin"], ago=ago))

    @clause(
        "AUTH-003",
        level="MUST",
        section="2",
        feature="auth",
        profile="core",
        text="A token that was signed with another secret, or changed after it was signed, is refused.",
        baseline="TestJWTAuthentication::invalid_token_rejected",
    )
    async def test_invalid_token_rejected(self, connect: Connect, node: Node, tokens: Tokens) -> None:
        await assert_token_rejected(connect, node, tokens.wrong_secret(permissions=["admin"]))
        await assert_token_rejected(connect, node, tokens.tampered(permissions=["admin"]))
        header, payload, _ = tokens.valid(permissions=["admin"]).split(".")
        await assert_token_rejected(connect, node, f"{header}.{payload}.")

    @clause(
        "AUTH-004",
        level="MUST",
        section="2",
        feature="auth",
        profile="core",
        text="A token that allows nothing in the service authenticates its user, and every request is FORBIDDEN.",
        baseline="TestJWTAuthentication::token_with_insufficient_permissions",
    )
    async def test_token_with_insufficient_permissions(
        self, connect: Connect, node: Node, sample: RequestSamples
    ) -> None:
        client = await connect(user="bob", permissions=[])
        for event, data in (
            sample.command(),
            sample.readback().call,
            *((name, {"channel": "global"}) for name in await node.channel_requests() if name != "unsubscribe"),
        ):
            assert (await client.refusal(event, data)).error_code == "FORBIDDEN", f"{event} is allowed"
        writer = await connect()
        await writer.refusal(*sample.readback().call)
        await writer.answer(*sample.command())
        assert not await client.fence(), "events of a refused channel"

    @clause(
        "AUTH-005",
        level="MUST",
        section="2",
        feature="auth",
        profile="core",
        text="A further token of the same user renews the connection, with the permissions that it has.",
        baseline="TestJWTAuthentication::token_refresh",
    )
    async def test_token_refresh(self, connect: Connect, node: Node, sample: RequestSamples, tokens: Tokens) -> None:
        client = await connect(user="ann", permissions=[f"{node.service}:read"])
        assert (await client.refusal(*sample.command())).error_code == "FORBIDDEN"
        token = tokens.valid("ann", [f"{node.service}:write"])
        renewed = await client.answer("refresh_token", {"token": token})
        assert renewed.data["status"] == "refreshed"
        assert renewed.data["user_id"] == "ann"
        assert renewed.data["expires_at"], f"no end is named: {renewed!r}"
        await client.answer(*sample.command())

    @clause(
        "AUTH-006",
        level="MUST",
        section="2",
        feature="auth",
        profile="core",
        text="Read permission opens every public channel of the service; without it each channel is FORBIDDEN.",
        baseline="TestJWTAuthentication::permission_per_channel",
    )
    async def test_permission_per_channel(self, connect: Connect, node: Node, sample: RequestSamples) -> None:
        reader = await connect(user="ann", permissions=[f"{node.service}:read"])
        stranger = await connect(user="bob", permissions=["elsewhere:read"])
        for channel in sample.channels(user="ann").values():
            assert (await reader.subscribe(channel)).data["channel"] == channel
            for request in set(await node.channel_requests()) - {"unsubscribe"}:
                refused = await stranger.refusal(request, {"channel": channel})
                assert refused.error_code == "FORBIDDEN", f"{request} of {channel}: {refused!r}"
