from unittest.mock import patch

from bodhisattva.servers.session_buddy import search

CLAUSE = "PROTOCOL-081"
WRONG = "shows what was captured first before what matches best"
SAYS = "once"


def mutate() -> None:
    patch.object(search, "_RANKED", search._RANKED.replace("ORDER BY score DESC,", "ORDER BY")).start()
