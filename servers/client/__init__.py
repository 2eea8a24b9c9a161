"""The async client of the services: it reconnects, resumes subscriptions and retries requests.

async with Client("ws://127.0.0.1:8690/ws", token=token) as client:
    answer = await client.request("start_workflow", {"workflow_id": "w1", ...})
    async with client.subscribe("workflow:w1") as events:
        async for event in events:
            print(event.position, event.name, event.data)
"""

from bodhisattva.servers.client.backoff import Backoff
from bodhisattva.servers.client.client import Client
from bodhisattva.servers.client.errors import (
    AuthenticationFailed,
    CertificateRefused,
    ClientClosed,
    ClientError,
    ConnectionLost,
    Discontinuity,
    GapDetected,
    Indeterminate,
    MalformedAnswer,
    PositionLost,
    Reconnected,
    Redirected,
    Refused,
    RequestFailed,
    RequestTimedOut,
    SubscriptionRevoked,
    Unreachable,
)
from bodhisattva.servers.client.link import State
from bodhisattva.servers.client.position import Position
from bodhisattva.servers.client.subscription import Subscription
from bodhisattva.servers.client.wire import Event

__all__ = [
    "AuthenticationFailed",
    "Backoff",
    "CertificateRefused",
    "Client",
    "ClientClosed",
    "ClientError",
    "ConnectionLost",
    "Discontinuity",
    "Event",
    "GapDetected",
    "Indeterminate",
    "MalformedAnswer",
    "Position",
    "PositionLost",
    "Reconnected",
    "Redirected",
    "Refused",
    "RequestFailed",
    "RequestTimedOut",
    "State",
    "Subscription",
    "SubscriptionRevoked",
    "Unreachable",
]
