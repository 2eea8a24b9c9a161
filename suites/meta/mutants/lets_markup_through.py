from html import unescape
from typing import Any
from unittest.mock import patch
from xml.etree.ElementTree import tostring

from bodhisattva.servers.fastblocks import render

CLAUSE = "PROTOCOL-115"
WRONG = "writes what it is given into its HTML as it is"
SAYS = "markup was let through"


def write_as_it_is(root: Any, **options: Any) -> str:
    return unescape(tostring(root, **options))


def mutate() -> None:
    patch.object(render, "tostring", write_as_it_is).start()
