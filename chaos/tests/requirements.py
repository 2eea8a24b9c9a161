"""What some tests need from the machine, and what a reader of the summary is told where it is missing."""

from collections.abc import Callable

import pytest

from bodhisattva.chaos.toxiproxy_server import require
from bodhisattva.fixtures.stack.controls import StackError
from bodhisattva.fixtures.stack.select import require_redis


def _missing(require: Callable[[str], None]) -> str:
    try:
        require("process")
    except StackError as error:
        return str(error)
    return ""


def _needs(require: Callable[[str], None]) -> pytest.MarkDecorator:
    return pytest.mark.skipif(bool(_missing(require)), reason=_missing(require))


needs_toxiproxy = _needs(require)
needs_redis = _needs(require_redis)
