from unittest.mock import patch

from bodhisattva.servers.core.errors import ErrorCode, NotFound

CLAUSE = "PROTOCOL-038"
WRONG = "calls a question about what is not there a wrong one"
SAYS = "'INVALID_DATA' == 'NOT_FOUND'"
ALSO = ("AUTH-031",)


def mutate() -> None:
    patch.object(NotFound, "code", ErrorCode.INVALID_DATA).start()
