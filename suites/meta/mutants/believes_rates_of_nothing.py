from unittest.mock import patch
from xml.etree.ElementTree import Element

from bodhisattva.servers.crackerjack import cobertura

CLAUSE = "PROTOCOL-223"
WRONG = "believes the rate of a report that measured no line"
SAYS = "coverage of nothing is recorded"


def has_lines(root: Element) -> bool:
    return True


def mutate() -> None:
    patch.object(cobertura, "_has_lines", has_lines).start()
