from unittest.mock import patch

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.mahavishnu.calls import DueCall

CLAUSE = "CROSS-012"
WRONG = "asks for a stage under another id each time, so that the other service takes a repetition for a new request"
SAYS = "CONFLICT"


def another(due: DueCall) -> str:
    return f"{due.workflow_id}/{fresh_id()}"


def mutate() -> None:
    patch.object(DueCall, "request_id", property(another)).start()
