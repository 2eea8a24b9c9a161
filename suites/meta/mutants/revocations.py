"""Servers that are wrong in how they treat revoked tokens."""

from bodhisattva.servers.core.auth import verification
from bodhisattva.servers.core.auth.revocations_redis import RedisRevocations
from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.config import Tokens
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("REPLICAS-040", wrong="ignores what was revoked at other replicas", failure="AUTH_FAILED")
def ignores_revocations_of_other_replicas(inject: Inject) -> None:
    async def detect_nothing(_: RedisRevocations) -> None:
        """What is known is enough."""

    inject(RedisRevocations, "_read", detect_nothing)


@mutant(
    "REPLICAS-040",
    wrong="refuses a token that was revoked, and lets the connection live that has it",
    failure="in vain for error AUTH_FAILED",
)
def ends_nothing_that_was_revoked_elsewhere(inject: Inject) -> None:
    def never(_: Verifier, __: Identity) -> bool:
        return False

    inject(Verifier, "revokes", never)


@mutant("TLS-026", wrong="lets certificates live on that were revoked", failure="AUTH_FAILED")
def forgets_revoked_certificates(inject: Inject) -> None:
    def token_only(verifier: Verifier, identity: Identity) -> bool:
        return identity.token_id in verifier._revoked

    inject(Verifier, "revokes", token_only)


@mutant("AUTH-067", wrong="lets connections live on whose token was revoked", failure="AUTH_FAILED")
def keeps_revoked_connections(inject: Inject) -> None:
    def never(_: Verifier, __: Identity) -> bool:
        return False

    inject(Verifier, "revokes", never)


@mutant(
    "TLS-026",
    wrong="lets a connection live on whose certificate was revoked, once a token has come",
    failure="in vain for error AUTH_FAILED",
)
def checks_only_tokens_for_revocation(inject: Inject) -> None:
    revokes = Verifier.revokes

    def revokes_bare(verifier: Verifier, identity: Identity) -> bool:
        return identity.token_id in verifier._revoked if identity.token_id is not None else revokes(verifier, identity)

    inject(Verifier, "revokes", revokes_bare)


@mutant(
    "AUTH-066",
    wrong="goes on taking tokens that were revoked",
    failure="the revoked token is refused",
    also=("AUTH-067",),
)
def forgets_revocations(inject: Inject) -> None:
    def none_revoked(_: Tokens) -> set[str]:
        return set()

    inject(verification, "read_file", none_revoked)
