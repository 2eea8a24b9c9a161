"""A service that keeps 1 MB for every token that it was ever shown: `python -m … serve SERVICE …`."""

import runpy
from typing import Any

import jwt

EACH = 1_000_000
_kept: list[bytes] = []
_decode = jwt.decode


def decode_and_keep(*arguments: Any, **options: Any) -> Any:
    _kept.append(bytes([1]) * EACH)
    return _decode(*arguments, **options)


if __name__ == "__main__":
    jwt.decode = decode_and_keep
    runpy.run_module("bodhisattva.servers.cli", run_name="__main__")
