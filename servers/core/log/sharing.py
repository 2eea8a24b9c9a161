"""What has to be there before anything can be shared through Redis."""

from collections.abc import Iterator
from contextlib import contextmanager

from bodhisattva.servers.core.config import ConfigError, LogConfig


def place(log: LogConfig) -> str:
    """The URL of Redis; ConfigError if it is not said."""
    if log.url is None:
        raise ConfigError("log.url is not set; log.kind redis needs one, such as redis://127.0.0.1:6379/0")
    return log.url


@contextmanager
def in_redis(log: LogConfig) -> Iterator[None]:
    """ConfigError if it is not said where Redis is, or if what is imported in here lacks the package for it."""
    place(log)
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is missing; install 'bodhisattva-conformance[redis]'") from None
