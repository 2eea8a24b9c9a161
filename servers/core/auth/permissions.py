"""What an identity may do in a service (protocol 2, Permissions)."""

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.errors import Forbidden
from bodhisattva.servers.core.service import Service


class Permissions:
    """One service's rules: admin over all, `:write` includes `:read`, private channels are their user's."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._admin = frozenset({"admin", f"{service.name}:admin"})
        self._write = self._admin | {f"{service.name}:write"}
        self._read = self._write | {f"{service.name}:read"}

    def check_command(self, identity: Identity) -> None:
        if identity.permissions.isdisjoint(self._write):
            raise Forbidden("This command needs write permission.", required=f"{self._service.name}:write")

    def check_query(self, identity: Identity) -> None:
        if identity.permissions.isdisjoint(self._read):
            raise Forbidden("This query needs read permission.", required=f"{self._service.name}:read")

    def check_channel(self, identity: Identity, channel: str) -> None:
        """Forbidden unless `identity` may read `channel`; InvalidChannel if there is none such."""
        kind = self._service.channel_kind(channel)
        if not identity.permissions.isdisjoint(self._admin):
            return
        if not identity.permissions & (self._read | set(kind.permissions)):
            raise Forbidden("This channel needs read permission.", required=f"{self._service.name}:read")
        if kind.private and kind.id_of(channel) != identity.user_id:
            raise Forbidden("This channel is another user's.", channel=channel)
