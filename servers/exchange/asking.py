"""Requests to a running service, in which whatever goes wrong is one line for the user."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bodhisattva.servers.client import Client, ClientError, ConnectionLost, RequestFailed
from bodhisattva.servers.core.errors import Refused

_TOO_BIG = 1009
_PATIENCE = 30.0

Request = tuple[str, dict[str, Any]]


class Place(NamedTuple):
    """A service and how to come in. ca: PEM file of who signed its certificate."""

    url: str
    token: str | None
    ca: Path | None


def ask(place: Place, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """The answers, one request after the other; Refused at the first that is not answered."""
    return asyncio.run(_ask(place, requests))


async def _ask(place: Place, requests: Sequence[Request]) -> list[dict[str, Any]]:
    try:
        async with Client(place.url, token=place.token, ssl=_trust(place.ca)) as client:
            return [await client.request(name, data, timeout=_PATIENCE) for name, data in requests]
    except RequestFailed as failed:
        field = failed.data.get("field")
        raise Refused(f"the service refuses it: {failed.message}{f' (field {field})' if field else ''}") from failed
    except ConnectionLost as lost:
        if lost.code == _TOO_BIG:
            raise Refused("the file is larger than the service takes; raise its limits.message_bytes") from lost
        raise Refused(str(lost)) from lost
    except ClientError as error:
        cause = str(error.__cause__ or "")
        raise Refused(f"{place.url}: {error}{f' ({cause})' if cause not in str(error) else ''}") from error
    except UnicodeEncodeError as error:
        raise Refused("the file holds half of a surrogate pair, which is no character; take it out") from error
    except ValueError as error:
        raise Refused(f"--url {place.url}: {error}") from error


def _trust(ca: Path | None) -> ssl.SSLContext | None:
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise Refused(f"--ca {ca}: {error.strerror or 'this is no PEM file of certificates'}") from error
