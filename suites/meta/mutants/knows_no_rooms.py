from unittest.mock import patch

from bodhisattva.servers.core.connections import requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.errors import InvalidChannel

CLAUSE = "PROTOCOL-035"
WRONG = "does not find the channel that the published client calls a room"
SAYS = "'error'"

channel = requests._channel


def channel_proper(request: Request) -> str:
    if "channel" not in (request.message.data or {}):
        raise InvalidChannel("A channel is required, as a string.", field="channel")
    return channel(request)


def mutate() -> None:
    patch.object(requests, "_channel", channel_proper).start()
