"""An `.excalidraw` file as Excalidraw writes it: bound text, an arrow between two shapes, an image, a deleted shape."""

import json
from pathlib import Path
from typing import Any

KILN = Path(__file__).parent / "drawings" / "kiln.excalidraw"


def kiln() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(KILN.read_text(encoding="utf-8"))
    return document
