from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth.tokens import Identity

CLAUSE = "AUTH-005"
WRONG = "keeps the permissions of the first token when it is renewed"
SAYS = "FORBIDDEN"
ALSO = ("AUTH-041",)

renewed_by = Identity.renewed_by


def as_before(identity: Identity, token: Identity) -> Identity:
    return replace(renewed_by(identity, token), permissions=identity.permissions)


def mutate() -> None:
    patch.object(Identity, "renewed_by", as_before).start()
