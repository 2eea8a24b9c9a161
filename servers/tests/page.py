"""The commands that a page of the documentation shows, so that a test can run the page's own lines."""

import re
from pathlib import Path

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: str, having: str) -> str:
    """The one block of commands on the page in which these words stand."""
    blocks = _BLOCK.findall((_DOCS / page).read_text(encoding="utf-8"))
    (found,) = (block for language, block in blocks if not language and having in block)
    return str(found)
