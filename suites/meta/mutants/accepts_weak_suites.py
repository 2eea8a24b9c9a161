from unittest.mock import patch

from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-007"
WRONG = "agrees to cipher suites without forward secrecy and without authenticated encryption"
SAYS = "the server agreed to"


def mutate() -> None:
    patch.object(tls, "CIPHERS", f"{tls.CIPHERS}:AES128-SHA:AES128-GCM-SHA256:ECDHE+AES:@SECLEVEL=0").start()
