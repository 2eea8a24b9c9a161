"""How a Redis is reached, and what it promises of a write that it has answered."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log import sharing
from bodhisattva.servers.core.log.base import LogError, LogRefused

Store = Redis | RedisCluster
FAILURES = (RedisError, OSError, TimeoutError)
_SENTINEL_PORT = 26379
_SETTINGS = ("appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory", "maxmemory-policy")
_LEVELS = ("none", "everysec", "always")
_LOST = {
    "none": "what was answered may be lost when Redis ends",
    "everysec": "what was answered within the last seconds may be lost when its machine fails",
}


@contextmanager
def failures() -> Iterator[None]:
    """Whatever fails on the way to Redis is a LogError; redis-py trips over connections that end while they begin."""
    try:
        yield
    except (*FAILURES, AttributeError) as error:
        raise LogError(f"{type(error).__name__}: {error}") from error


def connect(settings: LogConfig, patience: float) -> Store:
    """A client that tries nothing twice, since a write may have succeeded. patience: seconds to wait for an answer.

    `redis://`, `rediss://`, `unix://` as redis-py knows them; `redis+sentinel://HOST,HOST:PORT/NAME/DB`, also with
    `rediss+sentinel`; `redis+cluster://HOST:PORT`. Refused if it is none of these, without a word of the URL or of
    redis-py about it, since what is wrong there may be a part of the password.
    """
    url = sharing.place(settings)
    if "+cluster:" in url and settings.acknowledgements:
        raise LogRefused("log.acknowledgements cannot be had of a cluster; set it to 0")
    options: dict[str, Any] = {
        "socket_timeout": patience,
        "socket_connect_timeout": settings.timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    try:
        parts = urlsplit(url)
        if parts.scheme in ("redis+sentinel", "rediss+sentinel"):
            return _through_sentinels(url, options)
        if parts.scheme in ("redis+cluster", "rediss+cluster"):
            plain = urlunsplit(parts._replace(scheme=parts.scheme.removesuffix("+cluster")))
            return RedisCluster.from_url(plain, **options)
        return _alone(url, options)
    except (ValueError, TypeError, RedisError):
        raise LogRefused(sharing.UNUSABLE) from None


async def disconnect(store: Store) -> None:
    """Close the connections, those to the sentinels too."""
    with suppress(RedisError, OSError):
        await store.aclose()
    if isinstance(store, RedisCluster):  # redis-py leaves them open once a failure has it look for the nodes anew
        for nodes in ("nodes_cache", "startup_nodes"):
            with suppress(RedisError, OSError):
                await store.nodes_manager.aclose(nodes)
    pool = getattr(store, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _alone(url: str, options: dict[str, Any]) -> Redis:
    """One server. TypeError for an option that redis-py does not have, which else only connecting would bring out."""
    store: Redis = Redis.from_url(url, **options)
    pool = store.connection_pool
    pool.connection_class(**pool.connection_kwargs)
    return store


def _through_sentinels(url: str, options: dict[str, Any]) -> Redis:
    """The master that the sentinels name; queried again at each new connection."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    user, _, password = credentials.partition(":")
    sentinels = [_address(host) for host in hosts.split(",")]
    quick = {key: options[key] for key in ("socket_timeout", "socket_connect_timeout")}
    secure = {"ssl": True} if parts.scheme == "rediss+sentinel" else {}
    sentinel = Sentinel(sentinels, sentinel_kwargs=quick | secure, **secure)  # type: ignore[no-untyped-call]
    options |= {"username": unquote(user) or None, "password": unquote(password) or None, "db": int(database or 0)}
    master: Redis = sentinel.master_for(name, **options)
    return master


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":") if ":" in host else (host, "", "")
    return name, int(port or _SENTINEL_PORT)


async def check_durability(store: Store, settings: LogConfig) -> None:
    """LogRefused if Redis promises less than `log.durability` requires; a warning if that is less than the disk."""
    required = settings.durability
    try:
        judged = [_judge(config) for config in await _configurations(store)]
    except ResponseError:
        if required != "none":
            raise LogRefused(
                "this Redis does not show its settings (CONFIG GET), so log.durability "
                f"{required} cannot be checked; check them yourself and set log.durability: none"
            ) from None
        judged = [(None, "none")]
    problem = next((problem for problem, _ in judged if problem is not None), None)
    promised = min((level for _, level in judged), key=_LEVELS.index)
    if problem is not None and required != "none":
        raise LogRefused(f"this Redis {problem}; set it, or accept losses with log.durability: none")
    if _LEVELS.index(promised) < _LEVELS.index(required):
        raise LogRefused(
            f"this Redis promises {promised}, log.durability requires {required}: {_LOST[promised]}; "
            "set appendonly and appendfsync, or log.durability"
        )
    if problem is not None or promised != "always":
        consequence = problem or _LOST[promised]
        structlog.get_logger().warning("redis promises little", promised=promised, consequence=consequence)


async def _configurations(store: Any) -> list[dict[str, str]]:
    """Of the server, or of each master of a cluster: its slots may move from one to another."""
    masters = {"target_nodes": RedisCluster.PRIMARIES} if isinstance(store, RedisCluster) else {}
    found: dict[str, dict[str, str]] = {}
    for name in _SETTINGS:
        answer: Any = await store.config_get(name, **masters)
        for server, settings in (answer if masters else {"": answer}).items():
            found.setdefault(server, {}).update({_text(key): _text(value) for key, value in settings.items()})
    return list(found.values())


def _judge(config: dict[str, str]) -> tuple[str | None, str]:
    """What is wrong beside the flushing, and the level of that."""
    problem = None
    if config.get("maxmemory", "0") != "0" and config.get("maxmemory-policy") != "noeviction":
        problem = "may throw keys away for room (maxmemory-policy is not noeviction)"
    elif config.get("no-appendfsync-on-rewrite") == "yes":
        problem = "flushes nothing while it rewrites its file (no-appendfsync-on-rewrite is not no)"
    flushing = config.get("appendfsync", "no") if config.get("appendonly") == "yes" else "no"
    return problem, "none" if flushing == "no" else flushing


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
