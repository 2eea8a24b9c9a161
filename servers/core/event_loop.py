"""Which event loop serves: uvloop where it is present (the extra `fast`), or else Python's own."""

import asyncio
from collections.abc import Callable

from bodhisattva.servers.core.config import Config, ConfigError


def factory(config: Config) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the loop, None for Python's own; ConfigError if the configured one is not installed."""
    if config.loop == "asyncio":
        return None
    try:
        import uvloop  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        if config.loop == "auto":
            return None
        raise ConfigError("uvloop is missing; install 'bodhisattva-conformance[fast]', or leave loop out") from None
    make: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return make


def running() -> str:
    """The name of the library whose loop this is."""
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
