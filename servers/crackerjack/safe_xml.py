"""XML from strangers: read into elements, without what an attack on a parser needs.

Expat fetches nothing by itself; a declared entity is refused, so that nothing can expand (CWE-776) or point elsewhere
(CWE-611). So are attributes that a DTD adds to every element, and a document that is nested beyond what any report is.
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
