"""Client certificates that name their user (2, 7): with `tls.client_user` no token is needed."""

import pytest

from bodhisattva.fixtures.certificates import Authority, Certificate
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.endings import HandshakeRefused
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.auth.rejected_tokens import AUTHENTICATION_FAILED
from bodhisattva.suites.lifecycle.rejected_start import assert_start_rejected
from bodhisattva.suites.tls.mutual import MUTUAL, spawn_mutual

REVOKED = "revoked.txt"
MAIL = "ann@example.org"
LIFETIME = 4  # seconds: long enough to be shown on a busy machine, short enough to be waited for


class Bearers:
    """Users of one service who connect with certificates. `ann` may write, `bob` read, and nobody else anything."""

    def __init__(self, node: Node, connect: Connect, certificates: Authority) -> None:
        self.node = node
        self._connect = connect
        self._certificates = certificates

    @classmethod
    async def of(
        cls, fresh: Fresh, connect: Connect, certificates: Authority, service: str, field: str = "common_name"
    ) -> "Bearers":
        allowed = {"ann": [f"{service}:write"], MAIL: [f"{service}:write"], "bob": [f"{service}:read"]}
        node = await spawn_mutual(fresh, certificates, client_user=field, client_permissions=allowed)
        return cls(node, connect, certificates)

    async def named(self, user: str, token: str | None = None) -> WireClient:
        return await self.welcomed(self._certificates.client(user), token)

    async def welcomed(self, certificate: Certificate, token: str | None = None) -> WireClient:
        """A connection that was let in without having sent a message."""
        trust = self._certificates.trust(certificate)
        client: WireClient = await self._connect(self.node, authenticate=False, trust=trust, headers=_bearing(token))
        welcome = await client.take(lambda _: True, "the first frame")
        assert (welcome.event, welcome.data.get("authenticated")) == ("session.created", True), f"first {welcome!r}"
        return client

    async def assert_401(self, certificate: Certificate, token: str | None = None) -> None:
        trust = self._certificates.trust(certificate)
        with pytest.raises(HandshakeRefused) as refusal:
            await self._connect(self.node, authenticate=False, trust=trust, headers=_bearing(token))
        assert refusal.value.status == 401


def _bearing(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


@clause(
    "TLS-020",
    level="MUST",
    section="2.3",
    feature="tls",
    profile="secure",
    text="Where certificates name users, one that verifies authenticates: the welcome comes first, unasked, and its "
    "user may do what the configuration lists, or nothing; the service claims mtls_users.",
)
async def test_certificate_authenticates(
    fresh: Fresh, connect: Connect, certificates: Authority, sample: RequestSamples, service: str
) -> None:
    bearers = await Bearers.of(fresh, connect, certificates, service)
    assert "mtls_users" in await bearers.node.features()
    ann, bob, eve = [await bearers.named(user) for user in ("ann", "bob", "eve")]
    await ann.answer(*sample.command())
    sample.readback().check(await bob.answer(*sample.readback().call))
    assert (await bob.refusal(*sample.command())).error_code == "FORBIDDEN"
    for call in (sample.command(), sample.readback().call, ("subscribe", {"channel": "global"})):
        assert (await eve.refusal(*call)).error_code == "FORBIDDEN"


@clause(
    "TLS-021",
    level="MUST",
    section="2.3",
    feature="tls",
    profile="secure",
    text="The user is whom the configured field of the certificate names; where it names none, or two, the upgrade "
    "is answered 401.",
)
@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        ("common_name", ("ann", [MAIL]), [(None, ["ann"]), (None, [MAIL])]),
        ("san_email", ("bob", [MAIL, "bob"]), [("ann", ["ann"]), ("ann", [MAIL, "bob@example.org"])]),
        ("san_dns", ("bob", ["ann", MAIL]), [("ann", [MAIL]), ("ann", ["ann", "bob"])]),
    ],
    ids=["common_name", "san_email", "san_dns"],
)
async def test_field_that_names_the_user(
    fresh: Fresh,
    connect: Connect,
    certificates: Authority,
    sample: RequestSamples,
    service: str,
    field: str,
    right: tuple[str, list[str]],
    wrong: list[tuple[str | None, list[str]]],
) -> None:
    bearers = await Bearers.of(fresh, connect, certificates, service, field)
    for fields in wrong:
        await bearers.assert_401(certificates.client(*fields))
    await (await bearers.welcomed(certificates.client(*right))).answer(*sample.command())


@clause(
    "TLS-022",
    level="MUST",
    section="2.3",
    feature="tls",
    profile="secure",
    text="A token beside the certificate has to be the same user's, in the header or else 401, in auth or else "
    "AUTH_FAILED; then it decides what the user may do, and there is no second welcome.",
)
async def test_token_beside_the_certificate(
    fresh: Fresh, connect: Connect, certificates: Authority, sample: RequestSamples, service: str
) -> None:
    bearers = await Bearers.of(fresh, connect, certificates, service)
    tokens = bearers.node.tokens
    own, foreign = tokens.valid("bob", [f"{service}:write"]), tokens.valid("ann", ["admin"])
    await bearers.assert_401(certificates.client("bob"), foreign)
    await bearers.assert_401(certificates.client("bob"), tokens.expired("bob", ["admin"]))
    await (await bearers.named("bob", own)).answer(*sample.command(1))
    client = await bearers.named("bob")
    for request in ("auth", "refresh_token"):
        assert (await client.refusal(request, {"token": foreign})).error_code == "AUTH_FAILED"
    assert (await client.refusal(*sample.command(2))).error_code == "FORBIDDEN", "another user's permissions count"
    await client.answer("auth", {"token": own})
    await client.answer(*sample.command(2))
    assert not [e for e in await client.fence() if e.event == "session.created"]


@clause(
    "TLS-023",
    level="MUST",
    section="2",
    feature="tls",
    profile="secure",
    text="A connection ends with the certificate that named its user, even if a token that lives longer was sent "
    "since: auth.expiring, then error TOKEN_EXPIRED and close 1008.",
)
async def test_end_of_a_certificate_ends_its_connection(
    fresh: Fresh, connect: Connect, certificates: Authority, service: str
) -> None:
    bearers = await Bearers.of(fresh, connect, certificates, service)
    client = await bearers.welcomed(certificates.client("ann", lifetime=LIFETIME))
    renewed = await bearers.welcomed(certificates.client("ann", lifetime=LIFETIME))
    await renewed.answer("refresh_token", {"token": bearers.node.tokens.valid("ann")})
    for each in (client, renewed):
        await each.error("TOKEN_EXPIRED", within=LIFETIME + 5)
        assert (await each.closed()).code == 1008
        assert [e.event for e in each.inbox] == ["auth.expiring"]


@clause(
    "TLS-024",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="Certificates that name users without being verified, permissions without a field that names users, and such "
    "a field without authentication, are each one line and exit code 2.",
)
async def test_half_configured_users_are_refused(fresh: Fresh) -> None:
    field = {"client_user": "common_name"}
    await assert_start_rejected(await fresh(wait=False, tls=field), "tls.client_user", "tls.verify_client")
    await assert_start_rejected(await fresh(wait=False, tls={"client_ca": "ca.pem", **field}), "tls.verify_client")
    await assert_start_rejected(
        await fresh(wait=False, tls=MUTUAL | {"client_permissions": {"ann": ["admin"]}}), "tls.client_user"
    )
    await assert_start_rejected(await fresh(wait=False, tls=MUTUAL | field, auth="disabled"), "tls.client_user", "auth")
    await assert_start_rejected(await fresh(wait=False, tls=MUTUAL | {"client_user": "surname"}), "client_user")


@clause(
    "TLS-026",
    level="MUST",
    section="2",
    feature="tls",
    profile="secure",
    text="A certificate that names a user can be revoked by its serial number: 401 from then on, and its live "
    "connections get AUTH_FAILED and are closed, whatever token they were renewed with; others go on.",
)
async def test_revoked_certificate(fresh: Fresh, connect: Connect, certificates: Authority, service: str) -> None:
    bearers = await Bearers.of(fresh, connect, certificates, service)
    node, stolen = bearers.node, certificates.client("ann")
    thief, owner = await bearers.welcomed(stolen), await bearers.named("ann")
    await thief.answer("refresh_token", {"token": node.tokens.valid("ann")})
    await node.place(REVOKED, f"certificate:{stolen.serial}\n")
    await node.configure(tokens={"revoked_file": REVOKED})
    await node.reload()
    await thief.error("AUTH_FAILED")
    assert await thief.closed() == AUTHENTICATION_FAILED
    await bearers.assert_401(stolen)
    await owner.fence()


@clause(
    "TLS-027",
    level="MUST",
    section="7",
    feature="tls",
    profile="secure",
    text="Where certificates name users no key for tokens is needed; every token is refused then.",
)
async def test_certificates_instead_of_tokens(
    fresh: Fresh, connect: Connect, certificates: Authority, sample: RequestSamples, service: str
) -> None:
    allowed = {"ann": [f"{service}:write"]}
    tls = MUTUAL | {"client_user": "common_name", "client_permissions": allowed}
    node = await fresh(wait=False, tls=tls, tokens={"secret": None})
    node.trust = certificates.trust(certificates.client("ann"))
    await node.ready()
    client = await Bearers(node, connect, certificates).named("ann")
    assert (await client.refusal("auth", {"token": node.tokens.valid("ann")})).error_code == "AUTH_FAILED"
    await client.answer(*sample.command())
