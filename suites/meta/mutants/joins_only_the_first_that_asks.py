from unittest.mock import patch

from bodhisattva.servers.excalidraw.service import SERVICE

CLAUSE = "PROTOCOL-154"
WRONG = "repeats the answer to a join to a connection that it does not let join"
SAYS = "0 members after the answer to a join"


def mutate() -> None:
    patch.dict(SERVICE.__dict__, {"per_connection": ()}).start()
