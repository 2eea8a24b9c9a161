import json
from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Now, Output, Session

CLAUSE = "PROTOCOL-020"
WRONG = "passes in silence over JSON that is no object"
SAYS = "was answered with []"

receive = Session.receive_text


def receive_objects(session: Session, text: str, now: Now) -> list[Output]:
    try:
        read = json.loads(text)
    except ValueError:
        read = {}
    return receive(session, text, now) if isinstance(read, dict) else []


def mutate() -> None:
    patch.object(Session, "receive_text", receive_objects).start()
