from unittest.mock import patch

from bodhisattva.servers.session_buddy.service import SERVICE

CLAUSE = "PROTOCOL-079"
WRONG = "lacks a query that the protocol names"
SAYS = "no queries ['get_skill_metrics']"


def mutate() -> None:
    queries = tuple(query for query in SERVICE.queries if query.__name__ != "get_skill_metrics")
    patch.dict(SERVICE.__dict__, {"queries": queries}).start()
