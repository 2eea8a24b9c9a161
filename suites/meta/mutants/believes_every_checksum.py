from unittest.mock import patch

from bodhisattva.servers.dhruva import domain

CLAUSE = "PROTOCOL-084"
WRONG = "stores content under whatever checksum it is given"
SAYS = "was not refused"


def mutate() -> None:
    patch.object(domain, "_checked", lambda claimed, content: claimed).start()
