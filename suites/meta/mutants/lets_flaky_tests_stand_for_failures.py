from unittest.mock import patch
from xml.etree.ElementTree import Element

from bodhisattva.servers.crackerjack import junit

CLAUSE = "PROTOCOL-225"
WRONG = "lets the tests of one suite stand for the failures that another only counts"
SAYS = "has passed"

failures = junit._failures


def failures_of_the_whole(root: Element) -> tuple[int, int]:
    told, missing = failures(root)
    return told, max(missing - told, 0)


def mutate() -> None:
    patch.object(junit, "_failures", failures_of_the_whole).start()
