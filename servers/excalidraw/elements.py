"""The form of an element: what Excalidraw's own code can count, order and draw.

Source: `types.ts`, `restore.ts` and `fractionalIndex.ts` of excalidraw/excalidraw, whose indices are those of
fractional-indexing (npm). Only the fields known there are checked; all others are kept unchanged.
"""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.envelope import convert
from bodhisattva.servers.core.errors import InvalidData

Element = dict[str, Any]

# JavaScript counts exactly up to this number.
MOST = 2**53 - 1
# In scene units, as for a cursor. Sums and squares of such numbers stay far from Infinity, which JSON writes as null.
FARTHEST = 1e9

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = "[0-9A-Za-z]"
_HEADS = ("".join(pair) for pair in zip("abcdefghijklmnopqrstuvwxyz", "ZYXWVUTSRQPONMLKJIHGFEDCBA", strict=True))
_INTEGER = "|".join(f"[{heads}]{_DIGITS}{{{length}}}" for length, heads in enumerate(_HEADS, start=1))
# The head gives the length of the integer. The smallest integer is not allowed; a fraction does not end in zero.
INDEX = rf"\A(?!A0{{26}}\Z)(?:{_INTEGER})(?:{_DIGITS}*[1-9A-Za-z])?\Z"

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
_Number = Annotated[float, msgspec.Meta(ge=-MOST, le=MOST)]
_Length = Annotated[float, msgspec.Meta(ge=-FARTHEST, le=FARTHEST)]
_Point = tuple[_Length, _Length]
_Pair = tuple[_Number, _Number]


class _Bound(msgspec.Struct):
    id: _Text


class _Roundness(msgspec.Struct):
    type: _Number
    value: _Number | None = None


class _Binding(msgspec.Struct, rename="camel"):
    element_id: _Text | None = None
    focus: _Number | None = None
    gap: _Number | None = None
    fixed_point: _Pair | None = None


class _Segment(msgspec.Struct):
    start: _Point
    end: _Point
    index: _Count


class _Crop(msgspec.Struct, rename="camel"):
    x: _Length
    y: _Length
    width: _Length
    height: _Length
    natural_width: _Length
    natural_height: _Length


class _Element(msgspec.Struct, rename="camel"):
    """The first four are required. Excalidraw's loader fills in the others if missing or null."""

    id: _Text
    type: _Text
    version: Annotated[int, msgspec.Meta(ge=1, le=MOST)]
    version_nonce: _Count
    is_deleted: bool = False
    index: Annotated[str, msgspec.Meta(max_length=200, pattern=INDEX)] | None = None
    seed: _Number | None = None
    updated: _Number | None = None
    x: _Length | None = None
    y: _Length | None = None
    width: _Length | None = None
    height: _Length | None = None
    angle: _Number | None = None
    opacity: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    stroke_width: _Length | None = None
    roughness: _Number | None = None
    roundness: _Roundness | None = None
    group_ids: list[_Text] | None = None
    frame_id: _Text | None = None
    bound_elements: list[_Bound] | None = None
    container_id: _Text | None = None
    font_size: _Length | None = None
    line_height: _Number | None = None
    points: list[_Point] | None = None
    last_committed_point: _Point | None = None
    pressures: list[_Number] | None = None
    start_binding: _Binding | None = None
    end_binding: _Binding | None = None
    fixed_segments: list[_Segment] | None = None
    start_angle: _Number | None = None
    end_angle: _Number | None = None
    scale: _Pair | None = None
    crop: _Crop | None = None


def nth_index(place: int) -> str:
    """The index at a place, counted from the first, in fractional-indexing's order: a0 to az, b00 to bzz, c000."""
    length, first = 1, 0
    while place - first >= len(_ALPHABET) ** length:
        first += len(_ALPHABET) ** length
        length += 1
    number, digits = place - first, ""
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return chr(ord("a") + length - 1) + digits


def check(elements: Iterable[Element]) -> None:
    """Raise InvalidData for the first element that Excalidraw cannot merge, order or draw."""
    for position, element in enumerate(elements):
        try:
            convert(element, _Element)
        except InvalidData as error:
            part = error.data["field"] or "the element"
            reason = error.message.removeprefix("The data does not fit: ")
            raise InvalidData(f"An element does not fit: {part}: {reason}", field=f"elements[{position}]") from None
