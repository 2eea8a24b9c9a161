"""What some tests need from the machine, and what a reader of the summary is told where it is missing."""

import pytest

from bodhisattva.chaos.toxiproxy_server import require
from bodhisattva.fixtures.stack.controls import StackError


def _missing() -> str:
    try:
        require("process")
    except StackError as error:
        return str(error)
    return ""


needs_toxiproxy = pytest.mark.skipif(bool(_missing()), reason=_missing())
