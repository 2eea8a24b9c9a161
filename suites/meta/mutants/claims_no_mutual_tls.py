from unittest.mock import patch

from bodhisattva.servers.core import http
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.service import Service

CLAUSE = "TLS-012"
WRONG = "does not say that it asks for certificates"
SAYS = "'mtls'"

features = http.features


def without_mutual(service: Service, config: Config) -> tuple[str, ...]:
    return tuple(feature for feature in features(service, config) if feature != "mtls")


def mutate() -> None:
    patch.object(http, "features", without_mutual).start()
