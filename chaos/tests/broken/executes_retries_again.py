"""Forgets which commands it has answered: a retried one is executed a second time (contract 1.2)."""

from unittest.mock import patch

from bodhisattva.servers.cli import main
from bodhisattva.servers.core.deduplication import Answers


def never_asked_before(*_: object) -> bool:
    return False


if __name__ == "__main__":
    with patch.object(Answers, "asked_before", never_asked_before):
        main()
