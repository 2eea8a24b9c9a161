"""What has to be there before anything can be shared through Redis."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bodhisattva.servers.core.config import ConfigError, LogConfig

UNUSABLE = (
    "log.url is no URL of a Redis; write redis://USER:PASSWORD@HOST:PORT/DB, rediss://…, unix://USER:PASSWORD@/PATH, "
    "redis+sentinel://HOST:PORT,HOST:PORT/MASTER/DB or redis+cluster://HOST:PORT, "
    "and / ? # in a password as %2F %3F %23"
)
# Stricter than RFC 3986 where a password that was not escaped would be taken for a port, a path or a fragment.
_USER = r"(?:[^\s/?#]*@)?"
_ADDRESS = r"(?:\[[^\s/?#@\[\]]+\]|[^\s/?#@:,\[\]]*)(?::\d+)?"
_OPTIONS = r"(?:\?[^\s#@]*)?"
_FORM = re.compile(
    rf"rediss?://{_USER}{_ADDRESS}(?:/\d*)?{_OPTIONS}"
    rf"|unix://{_USER}/[^\s?#@]+{_OPTIONS}"
    rf"|rediss?\+sentinel://{_USER}{_ADDRESS}(?:,{_ADDRESS})*/[^\s/?#@]+(?:/\d*)?"
    rf"|rediss?\+cluster://{_USER}{_ADDRESS}/?{_OPTIONS}"
)


def place(log: LogConfig) -> str:
    """The URL of Redis; ConfigError if it is missing, or is no URL; the message shows no part of it."""
    if log.url is None:
        raise ConfigError("log.url is not set; log.kind redis needs one, such as redis://127.0.0.1:6379/0")
    if _FORM.fullmatch(log.url) is None:
        raise ConfigError(UNUSABLE)
    return log.url


@contextmanager
def in_redis(log: LogConfig) -> Iterator[None]:
    """ConfigError if no URL of Redis is given, or if what is imported in here lacks the package for it."""
    place(log)
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is missing; install 'bodhisattva-conformance[redis]'") from None
