from unittest.mock import patch

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.errors import InvalidChannel
from bodhisattva.servers.core.service import Service

CLAUSE = "PROTOCOL-037"
WRONG = "claims a channel that it does not have"
SAYS = "subscribe was refused"
ALSO = ("AUTH-006",)

channel_kind = Service.channel_kind


def channel_kind_but_one(service: Service, channel: str) -> ChannelKind:
    if channel == "skills":
        raise InvalidChannel("This service has no such channel.", channel=channel)
    return channel_kind(service, channel)


def mutate() -> None:
    patch.object(Service, "channel_kind", channel_kind_but_one).start()
