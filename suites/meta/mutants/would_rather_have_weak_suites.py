from unittest.mock import patch

from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-006"
WRONG = "agrees to a suite without authenticated encryption where the client offers one"
SAYS = "was agreed on"


def mutate() -> None:
    weak = "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA"
    patch.object(tls, "CIPHERS", f"{weak}:{tls.CIPHERS}:@SECLEVEL=0").start()
