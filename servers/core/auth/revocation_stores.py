"""Where the services of a configuration look for revocations: in Redis, where they share their log, or in a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodhisattva.servers.core.auth.revocations import (
    NoSharedRevocations,
    RevocationStore,
    RevokedFile,
    SharedRevocations,
)
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.log.sharing import in_redis

if TYPE_CHECKING:
    from bodhisattva.servers.core.auth.revocations_redis import RedisRevocations


def shared(config: Config) -> SharedRevocations:
    """What a service's replicas know in common, where they share a log in Redis."""
    if config.log.kind != "redis" or config.auth != "required":
        return NoSharedRevocations()
    return _in_redis(config)


def stores(configs: Iterable[Config]) -> list[RevocationStore]:
    """The stores of services with these configurations, each once.

    Services that share a Redis may still differ in how long a token of theirs can live; each such end is written.
    """
    found: dict[tuple[Any, ...], RevocationStore] = {}
    for config in configs:
        if config.log.kind == "redis":
            key = (config.log.url, config.log.prefix, config.tokens.max_lifetime, config.tokens.leeway)
            found[key] = found.get(key) or _in_redis(config)
        elif config.tokens.revoked_file is not None:
            found[(config.tokens.revoked_file,)] = RevokedFile(Path(config.tokens.revoked_file))
    return list(found.values())


def has_store(config: Config) -> bool:
    """Whether a service of this configuration looks anywhere for revocations."""
    return config.log.kind == "redis" or config.tokens.revoked_file is not None


def _in_redis(config: Config) -> "RedisRevocations":
    with in_redis(config.log):
        from bodhisattva.servers.core.auth.revocations_redis import RedisRevocations
    return RedisRevocations(config)
