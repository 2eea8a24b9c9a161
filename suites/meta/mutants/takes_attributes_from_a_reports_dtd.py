from unittest.mock import patch

from bodhisattva.servers.crackerjack import safe_xml

CLAUSE = "SECURITY-210"
WRONG = "gives each element of a report the attributes that its DTD declares"
SAYS = "was not refused"


def mutate() -> None:
    patch.object(safe_xml, "_refuse_attributes", lambda *declaration: None).start()
