from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth.tokens import Identity

CLAUSE = "TLS-022"
WRONG = "lets a certificate's user do what the configuration lists, whatever token stands beside it"
SAYS = "create_session was refused"

renewed_by = Identity.renewed_by


def renewed_in_time_only(identity: Identity, token: Identity) -> Identity:
    renewed = renewed_by(identity, token)
    return renewed if identity.certificate is None else replace(renewed, permissions=identity.permissions)


def mutate() -> None:
    patch.object(Identity, "renewed_by", renewed_in_time_only).start()
