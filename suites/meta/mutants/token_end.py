"""Servers that are wrong in what happens when a token ends."""

from collections.abc import Awaitable
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.requests import Caller, Requests, Standard
from bodhisattva.servers.core.connections.session import Now, Output, Request, Session
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "REPLICAS-043",
    wrong="subscribes by the token of before the log was read, though it was renewed meanwhile",
    failure="an event of a channel that the new token does not allow",
)
def subscribes_by_a_token_before_renewal(inject: Inject) -> None:
    async def after_the_barrier(
        _: Requests, barrier: Awaitable[None], standard: Standard, caller: Caller, request: Request
    ) -> Outcome:
        await barrier
        outcome = standard(caller, request)
        return outcome if isinstance(outcome, Outcome) else await outcome

    inject(Requests, "_after", after_the_barrier)


@mutant("AUTH-044", wrong="ends a connection a second before its token ends", failure="before the token's end")
def ends_connections_before_their_token(inject: Inject) -> None:
    expire = Session._expire

    def ended_early(session: Session, identity: Identity, now: Now) -> list[Output]:
        return expire(session, identity, Now(now.monotonic, now.wall + 1))

    inject(Session, "_expire", ended_early)


@mutant("AUTH-044", wrong="keeps a connection open when its token ends", failure="in vain for error TOKEN_EXPIRED")
def outlives_its_token(inject: Inject) -> None:
    expire = Session._expire

    def only_revoked(session: Session, identity: Identity, now: Now) -> list[Output]:
        return expire(session, replace(identity, expires_at=None), now)

    inject(Session, "_expire", only_revoked)


@mutant("AUTH-043", wrong="does not announce that a token is about to end", failure="announced 0 times")
def announces_no_end(inject: Inject) -> None:
    def send_nothing(*_: object) -> list[Output]:
        return []

    inject(Session, "_warn", send_nothing)


@mutant("AUTH-043", wrong="announces the end of a token a second sooner than it claims", failure="<= 2.0")
def announces_the_end_too_early(inject: Inject) -> None:
    warn = Session._warn

    def warn_too_early(session: Session, identity: Identity, now: Now) -> list[Output]:
        with patch.object(SessionSettings, "expiry_warning", session._settings.expiry_warning + 1):
            return warn(session, identity, now)

    inject(Session, "_warn", warn_too_early)


@mutant(
    "AUTH-280",
    wrong="ends a connection without the announcement where its clock has passed both at once",
    failure="auth.expiring",
)
def misses_a_short_warning(inject: Inject) -> None:
    warn = Session._warn

    def only_in_time(session: Session, identity: Any, now: Any) -> Any:
        ended = identity.expires_at is not None and now.wall >= identity.expires_at
        return [] if ended else warn(session, identity, now)

    inject(Session, "_warn", only_in_time)
