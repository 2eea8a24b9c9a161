"""Field types that inputs share, and how records are found, named and listed."""

from collections.abc import Callable, Mapping
from heapq import nsmallest
from typing import Annotated, Any, TypeVar

import msgspec

from bodhisattva.servers.core.channels import CHANNEL_ID
from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.errors import Conflict, NotFound

Record = TypeVar("Record")

# An id has to fit behind the colon of a channel's name.
ID_PATTERN = rf"\A{CHANNEL_ID}\Z"
Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Paging(msgspec.Struct, frozen=True):
    """A page in order of id: at most `limit` records, those that come after the id `after`."""

    after: Annotated[str, msgspec.Meta(max_length=200)] = ""
    limit: Limit = 100


def find(records: Mapping[str, Record], key: str, field: str, missing: str | None = None) -> Record:
    """The record that the input's `field` names; NOT_FOUND, with the message `missing`, if there is none."""
    try:
        return records[key]
    except KeyError:
        raise NotFound(missing or f"There is nothing with this {field}.", field=field, value=key) from None


def claim_id(records: Mapping[str, Any], given: str | None, field: str, context: Context) -> str:
    """The id of a new record: the client's own, CONFLICT if it is taken, or a fresh one."""
    if given in records:
        raise Conflict(f"This {field} is taken.", field=field, value=given)
    return given or context.new_id()


def page(
    records: Mapping[str, Record], paging: Paging, wanted: Callable[[Record], bool]
) -> tuple[list[Record], str | None]:
    """The page of the wanted records, and the `after` of the next page, null on the last."""
    later = (key for key, record in records.items() if key > paging.after and wanted(record))
    keys = nsmallest(paging.limit + 1, later)
    shown = keys[: paging.limit]
    return [records[key] for key in shown], shown[-1] if len(keys) > len(shown) else None
