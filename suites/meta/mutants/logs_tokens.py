from unittest.mock import patch

import structlog

from bodhisattva.servers.core.auth.tokens import Identity, Verifier

CLAUSE = "SECURITY-022"
WRONG = "writes the tokens that it judges into its log"
SAYS = "a token or secret is in the log"

verify = Verifier.verify


def verify_and_log(verifier: Verifier, token: object) -> Identity:
    structlog.get_logger().info("token", token=token)
    return verify(verifier, token)


def mutate() -> None:
    patch.object(Verifier, "verify", verify_and_log).start()
