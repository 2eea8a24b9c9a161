from unittest.mock import patch

from bodhisattva.servers.core.transport import frames

CLAUSE = "SECURITY-241"
WRONG = "answers a close code that no RFC allows with itself"
SAYS = "close code 5000"

LARGEST = 0xFFFF


def mutate() -> None:
    patch.object(frames, "LAST_CLOSE_CODE", LARGEST).start()
