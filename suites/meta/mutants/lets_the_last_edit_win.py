from unittest.mock import patch

from bodhisattva.servers.excalidraw import merge

CLAUSE = "PROTOCOL-085"
WRONG = "takes each edit of an element for newer than what it holds"
SAYS = "after ["
ALSO = ("PROTOCOL-114",)


def mutate() -> None:
    patch.object(merge, "supersedes", lambda candidate, held: True).start()
