"""Servers that are wrong in how a connection authenticates again."""

from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Output, Reply, Revoke, Session
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import AuthFailed
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "AUTH-041",
    wrong="goes on sending from channels that a renewed token does not allow",
    failure="events of a revoked channel",
)
def keeps_revoked_channels(inject: Inject) -> None:
    perform = Connection._perform

    def perform_the_rest(connection: Connection, outputs: list[Output]) -> None:
        perform(connection, [output for output in outputs if not isinstance(output, Revoke)])

    inject(Connection, "_perform", perform_the_rest)


@mutant(
    "AUTH-005",
    wrong="keeps the permissions of the first token when it is renewed",
    failure="FORBIDDEN",
    also=("AUTH-041",),
)
def keeps_the_permissions_of_the_first_token(inject: Inject) -> None:
    renewed_by = Identity.renewed_by

    def as_before(identity: Identity, token: Identity) -> Identity:
        return replace(renewed_by(identity, token), permissions=identity.permissions)

    inject(Identity, "renewed_by", as_before)


@mutant(
    "TLS-022",
    wrong="lets a certificate's user do what the configuration lists, whatever token stands beside it",
    failure="create_session was refused",
)
def prefers_permissions_of_certificates(inject: Inject) -> None:
    renewed_by = Identity.renewed_by

    def renewed_in_time_only(identity: Identity, token: Identity) -> Identity:
        renewed = renewed_by(identity, token)
        return renewed if identity.certificate is None else replace(renewed, permissions=identity.permissions)

    inject(Identity, "renewed_by", renewed_in_time_only)


@mutant("AUTH-040", wrong="renews a connection with another user's token", failure="was not refused")
def renews_with_another_users_token(inject: Inject) -> None:
    def renewed_by(_: Identity, token: Identity) -> Identity:
        return token

    inject(Identity, "renewed_by", renewed_by)


@mutant(
    "AUTH-045", wrong="lets a connection become another user's by authenticating again", failure="auth was not refused"
)
def becomes_another_users_by_auth(inject: Inject) -> None:
    renew = Session._renew

    def renew_for_anybody(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        if message.event == "auth":
            identity = session._verify(message)
        return renew(session, message, identity)

    inject(Session, "_renew", renew_for_anybody)


@mutant("AUTH-042", wrong="ends a renewed connection with the token that it came with", failure="Token expired")
def ends_renewed_connections_with_their_first_token(inject: Inject) -> None:
    renew = Session._renew

    def renew_until_then(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        outputs = renew(session, message, identity)
        if session.identity is not None:
            session.identity = replace(session.identity, expires_at=identity.expires_at)
        return outputs

    inject(Session, "_renew", renew_until_then)


@mutant("AUTH-042", wrong="leaves every channel when its token is renewed", failure="in vain for")
def leaves_every_channel_when_renewed(inject: Inject) -> None:
    renew = Session._renew

    def renew_and_leave(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        return [*renew(session, message, identity), *(Revoke(channel) for channel in session.channels)]

    inject(Session, "_renew", renew_and_leave)


@mutant(
    "AUTH-041",
    wrong="leaves the channels that a renewed token does not allow without an event",
    failure="in vain for event subscription.revoked",
)
def leaves_revoked_channels_without_an_event(inject: Inject) -> None:
    renew = Session._renew

    def renew_quietly(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        outputs = renew(session, message, identity)
        return [each for each in outputs if not (isinstance(each, Reply) and each.kind == "event")]

    inject(Session, "_renew", renew_quietly)


@mutant("AUTH-068", wrong="renews a connection with a token that was taken back", failure="was not refused")
def renews_with_revoked_tokens(inject: Inject) -> None:
    renew = Session._renew

    def renew_anyway(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        with patch.object(session._settings.verifier, "_revoked", frozenset()):
            return renew(session, message, identity)

    inject(Session, "_renew", renew_anyway)


@mutant(
    "AUTH-040",
    wrong="takes all permissions from a connection when a token that should renew it is refused",
    failure="FORBIDDEN",
)
def drops_permissions_after_a_failed_renewal(inject: Inject) -> None:
    renew = Session._renew

    def renew_or_bar(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        try:
            return renew(session, message, identity)
        except AuthFailed:
            session.identity = replace(identity, permissions=frozenset())
            raise

    inject(Session, "_renew", renew_or_bar)


@mutant(
    "AUTH-045",
    wrong="welcomes again when somebody authenticates again",
    failure="more than an answer",
    also=("AUTH-041",),
)
def welcomes_twice(inject: Inject) -> None:
    renew = Session._renew

    def renew_and_welcome(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        return [*renew(session, message, identity), session._welcome()]

    inject(Session, "_renew", renew_and_welcome)
