import os
from pathlib import Path
from unittest.mock import patch

from bodhisattva.servers.core.log import files

CLAUSE = "LIFECYCLE-020"
WRONG = "ends with a traceback if its state folder cannot be one"
SAYS = "it ended with 1"


def lock(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR)


def mutate() -> None:
    patch.object(files, "lock", lock).start()
