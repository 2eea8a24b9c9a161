from unittest.mock import patch

from bodhisattva.servers.session_buddy.service import SERVICE

CLAUSE = "PROTOCOL-079"
WRONG = "lacks a query that the protocol names"
SAYS = "no queries ['get_skill_metrics']"


def mutate() -> None:
    handlers = {name: handler for name, handler in SERVICE.query_handlers.items() if name != "get_skill_metrics"}
    patch.dict(SERVICE.__dict__, {"query_handlers": handlers}).start()
