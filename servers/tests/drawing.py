"""An `.excalidraw` file as Excalidraw writes it: bound text, an arrow between two shapes, an image, a deleted shape."""

import json
from pathlib import Path
from typing import Any

DRAWINGS = Path(__file__).parent / "drawings"


def kiln() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DRAWINGS / "kiln.excalidraw").read_text(encoding="utf-8"))
    return document
