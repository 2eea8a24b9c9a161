import os
from unittest.mock import patch

from bodhisattva.servers.core.auth import keys, verification
from bodhisattva.servers.core.auth.keys import Key
from bodhisattva.servers.core.config import Config, ConfigError

CLAUSE = "LIFECYCLE-013"
WRONG = "makes a secret up where it has been given none"
SAYS = "in vain for: the end of"

configured = verification._keys


def keys_or_any(config: Config) -> list[Key]:
    try:
        return configured(config)
    except ConfigError:
        return [keys.secret_key(os.urandom(32).hex())]


def mutate() -> None:
    patch.object(verification, "_keys", keys_or_any).start()
