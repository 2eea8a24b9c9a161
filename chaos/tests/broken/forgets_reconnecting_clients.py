"""Tells a client that comes back that it will get what it missed, and sends only what is new (contract 5)."""

from unittest.mock import patch

from bodhisattva.servers.cli import main
from bodhisattva.servers.core.connection import Connection

follow = Connection.follow


def follow_from_now(connection: Connection, channel: str, _after: int | None) -> None:
    follow(connection, channel, None)


if __name__ == "__main__":
    with patch.object(Connection, "follow", follow_from_now):
        main()
