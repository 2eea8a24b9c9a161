"""Tokens taken back, for one service in a file, for replicas in a real Redis (protocol 2, Tokens)."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
import yaml
from click.testing import CliRunner

from bodhisattva.servers.cli import main
from bodhisattva.servers.core.auth.revocations import RevokedFile
from bodhisattva.servers.core.auth.revocations_redis import RedisRevocations
from bodhisattva.servers.core.config import LogConfig, Tokens
from bodhisattva.servers.tests.redis_server import RedisServer, redis_server
from bodhisattva.servers.tests.running import SECRET, SECURED, Running, running, token, until

SOON = 5.0


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4()}"


@asynccontextmanager
async def replicas(redis: RedisServer, prefix: str) -> AsyncIterator[tuple[Running, Running]]:
    log = LogConfig("redis", url=redis.url, prefix=prefix, timeout=0.5)
    async with running(**SECURED, log=log) as first, running(**SECURED, log=log) as second:
        yield first, second


def jti(minted: str) -> str:
    return str(jwt.decode(minted, options={"verify_signature": False})["jti"])


def revoke(*names: str, **settings: str) -> tuple[int, str]:
    """Exit code and the output of `bodhisattva token revoke`."""
    environment = {f"BODHISATTVA_{key.upper()}": value for key, value in settings.items()}
    done = CliRunner().invoke(main, ["token", "revoke", *names], env=environment)
    return done.exit_code, done.output


async def in_redis(redis: RedisServer, prefix: str, *names: str) -> None:
    settings = {"log__kind": "redis", "log__url": redis.url, "log__prefix": prefix}
    assert await asyncio.to_thread(revoke, *names, **settings) == (0, "")


async def is_refused(one: Running, minted: str) -> bool:
    client = await one.connect(welcome=False)
    return bool((await client.request("auth", token=minted))["error_code"] == "AUTH_FAILED")


def knows(one: Running, name: str) -> bool:
    return name in one.server._revocations


async def test_s2_a_revocation_reaches_all_replicas_and_ends_live_connections(redis: RedisServer, prefix: str) -> None:
    stolen, kept = token("ledger:read"), token("ledger:read")
    async with replicas(redis, prefix) as (first, second):
        thief, owner = await second.connect(token=stolen), await second.connect(token=kept)
        await in_redis(redis, prefix, jti(stolen))
        assert await thief.close_code() == 1008
        for one in (first, second):
            await until(lambda one=one: knows(one, jti(stolen)), "a replica did not learn of it", SOON)  # type: ignore[misc]
            assert await is_refused(one, stolen)
        assert (await owner.request("ping"))["type"] == "pong"


async def test_s2_what_was_revoked_before_the_start_is_refused_from_the_first_moment(
    redis: RedisServer, prefix: str
) -> None:
    stolen = token("ledger:read")
    await in_redis(redis, prefix, jti(stolen))
    async with replicas(redis, prefix) as (first, _):
        assert await is_refused(first, stolen)


@pytest.mark.deploy
async def test_s2_what_is_known_stays_in_force_without_redis_and_is_written_again() -> None:
    prefix = "fleet"
    with redis_server() as redis:
        async with replicas(redis, prefix) as (first, second):
            stolen = token("ledger:read")
            await in_redis(redis, prefix, jti(stolen))
            await until(lambda: knows(first, jti(stolen)) and knows(second, jti(stolen)), "not known", SOON)
            redis.request("DEL", f"{{{prefix}}}:revoked", f"{{{prefix}}}:revoked-version")
            await until(
                lambda: redis.request("ZCARD", f"{{{prefix}}}:revoked") == ":1", "what was lost is not back", SOON
            )
            redis.kill()
            assert await is_refused(first, stolen)
            await until(lambda: not second.server.parts.engine.available, "nobody notices that Redis is gone", SOON)
            assert await is_refused(second, stolen)


@pytest.mark.deploy
async def test_s2_what_is_revoked_where_the_last_was_lost_is_known_and_the_last_is_written_again() -> None:
    """As many revocations as before, but others: a replica without the tail took over between two looks."""
    with redis_server() as redis:
        async with running(**SECURED, log=LogConfig("redis", url=redis.url, prefix="fleet", timeout=0.5)) as one:
            await revoked_by_one(one, "first")
            saved = await asyncio.to_thread(redis.save)
            await revoked_by_one(one, "lost")
            await until(lambda: knows(one, "first") and knows(one, "lost"), "not known", SOON)
            redis.kill()
            redis.restore(saved)
            redis.start()  # and not in a thread: before anybody looks
            await revoked_by_one(one, "second")
            await until(lambda: knows(one, "second"), "not known", SOON)
            await until(lambda: redis.request("ZCARD", "{fleet}:revoked") == ":3", "what was lost is not back", SOON)


async def revoked_by_one(like: Running, name: str) -> None:
    """Who connects for it alone."""
    revocations = RedisRevocations(like.config)
    await revocations.revoke([name], None)
    await revocations.close()


async def test_s2_a_revocation_ends_when_nothing_can_live_on_it(redis: RedisServer, prefix: str) -> None:
    async with replicas(redis, prefix) as (first, _):
        shared: Any = first.server._revocations
        await shared.revoke(["short"], until_in(1.5))
        await until(lambda: knows(first, "short"), "not known", SOON)
        await until(lambda: not knows(first, "short"), "not forgotten", SOON)


def until_in(seconds: float) -> float:
    return time.time() + seconds


async def test_s2_a_file_is_written_by_the_same_command(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    file.write_text("earlier  # by hand, and without an end of line")
    stolen = token("ledger:read")
    settings = SECURED | {"tokens": Tokens(secret=SECRET, revoked_file=str(file))}
    async with running(**settings) as one:
        thief = await one.connect(token=stolen)
        words = (jti(stolen), "--until", "2999-01-01")
        assert await asyncio.to_thread(revoke, *words, tokens__revoked_file=str(file)) == (0, "")
        assert RevokedFile(file).read() == {"earlier", jti(stolen)}
        assert await thief.close_code() == 1008
        assert await is_refused(one, stolen)


async def test_s2_it_is_revoked_where_each_service_looks(redis: RedisServer, prefix: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    shared = {"kind": "redis", "url": redis.url, "prefix": f"{prefix}-shared"}
    file = tmp_path / "fleet.yaml"
    own: dict[str, Any] = {
        "akosha": {"tokens": {"revoked_file": str(one)}},
        "dhruva": {"tokens": {"revoked_file": str(other)}},
        "fastblocks": {"log": shared},
        "mahavishnu": {"log": shared, "tokens": {"max_lifetime": 7200}},
    }
    file.write_text(yaml.safe_dump({"services": own}))
    code, printed = await asyncio.to_thread(revoke, "stolen", "-c", str(file), log__prefix=prefix)
    nowhere = "crackerjack, excalidraw, session-buddy"
    assert (code, printed) == (0, f"bodhisattva: not revoked at {nowhere}, which have no tokens.revoked_file\n")
    assert RevokedFile(one).read() == RevokedFile(other).read() == {"stolen"}
    assert redis.request("ZCARD", f"{{{prefix}-shared}}:revoked") == ":0", "the environment wins over a service's part"
    end = float(redis.answer("ZSCORE", f"{{{prefix}}}:revoked", "stolen").split()[-1])
    assert end > time.time() + 7200, "the longest of their tokens outlives the revocation"


def test_s7_what_was_revoked_in_part_is_reported(tmp_path: Path) -> None:
    file, one, none = tmp_path / "fleet.yaml", tmp_path / "one", tmp_path / "none" / "revoked"
    own = {"akosha": {"tokens": {"revoked_file": str(none)}}, "dhruva": {"tokens": {"revoked_file": str(one)}}}
    file.write_text(yaml.safe_dump({"services": own}))
    code, printed = revoke("stolen", "-c", str(file))
    problem = f"tokens.revoked_file {none}: No such file or directory; nothing was revoked there"
    assert (code, printed) == (2, f"bodhisattva: {problem}\n")
    assert RevokedFile(one).read() == {"stolen"}


@pytest.mark.parametrize(
    ("words", "settings", "expected"),
    [
        (["x"], {}, "there is nowhere to revoke; set tokens.revoked_file"),
        (["x", "--until", "2020-01-01"], {"tokens__revoked_file": "none/revoked"}, "--until 2020-01-01 has passed"),
        (["x", "--until", "tomorrow"], {"tokens__revoked_file": "none/revoked"}, "--until tomorrow is no time"),
        (["x # y"], {"tokens__revoked_file": "none/revoked"}, "'x # y' is no jti"),
        (["x"], {"tokens__revoked_file": "none/revoked"}, "tokens.revoked_file none/revoked: No such file"),
        (["x"], {"log__kind": "redis"}, "log.url is not set"),
        (["x"], {"log__kind": "redis", "log__url": "redis://u:hush@127.0.0.1:1/0"}, "the Redis at redis://(hidden)@"),
        (["certificate:0A"], {"log__kind": "redis", "log__url": "redis://127.0.0.1:1/0"}, "give its end with --until"),
    ],
)
def test_s7_what_cannot_be_revoked_is_one_line_and_exit_code_2(
    words: list[str], settings: dict[str, str], expected: str
) -> None:
    code, printed = revoke(*words, **settings)
    assert (code, printed.count("\n")) == (2, 1), printed
    assert expected in printed
    assert "hush" not in printed
