from pathlib import Path
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import config
from bodhisattva.servers.core.config import Config

CLAUSE = "LIFECYCLE-011"
WRONG = "passes over settings that it does not know"
SAYS = "in vain for: the end of"

read = config._read


def read_what_is_known(file: Path) -> dict[str, Any]:
    return {key: value for key, value in read(file).items() if key in Config.__struct_fields__}


def mutate() -> None:
    patch.object(config, "_read", read_what_is_known).start()
