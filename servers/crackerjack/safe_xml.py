"""A parser for untrusted XML.

Expat fetches nothing by itself. A declared entity is refused, so that nothing can expand (CWE-776) or refer to another
file (CWE-611). Attributes that a DTD declares are refused, and so is a document nested deeper than any report.
"""

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from bodhisattva.servers.core.errors import InvalidData

_DEEPEST = 50


def parse(content: str) -> Element:
    """The document's root; InvalidData if it is not well-formed, declares an entity or is nested too deeply."""
    builder, depth = TreeBuilder(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise InvalidData("The XML is nested too deeply.", field="content", limit=_DEEPEST)
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser = expat.ParserCreate(encoding="utf-8")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse_entity
    parser.AttlistDeclHandler = _refuse_attributes
    try:
        parser.Parse(content.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError) as error:
        line = error.lineno if isinstance(error, expat.ExpatError) else None
        raise InvalidData("This is not well-formed XML.", field="content", line=line) from None
    return builder.close()


def _refuse_attributes(*declaration: Any) -> None:
    raise InvalidData("The XML declares attributes, which no report needs.", field="content")


def _refuse_entity(*declaration: Any) -> None:
    raise InvalidData("The XML declares an entity, which no report needs.", field="content")
