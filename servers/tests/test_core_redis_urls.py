"""URLs of a Redis: odd passwords as they are meant, and a fixed sentence for what is none (protocol 1, 7)."""

import pytest
from redis.asyncio import Redis

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log import sharing
from bodhisattva.servers.core.log.redis_connection import connect, disconnect


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://x",
        "redis:hush@127.0.0.1",
        "redis://127.0.0.1:hush",
        "redis://127.0.0.1:99999",
        "redis://127.0.0.1/hush",
        "redis://127.0.0.1?hush=1",
        "redis://127.0.0.1?db=hush",
        "redis://user:hu/sh@127.0.0.1:1/0",
        "redis://user:hu#sh@127.0.0.1:1/0",
        "redis://user:hu?sh@127.0.0.1:1/0",
        "redis://user:12/sh@127.0.0.1:1/0",
        "rediss://user:12#sh@127.0.0.1:1/0",
        "redis://user:12?sh=@127.0.0.1:1/0",
        "redis://user:hu@sh/0@127.0.0.1:1",
        "redis://user:hu\nsh@127.0.0.1:1",
        "unix://user:hu/sh@/nowhere",
        "redis+sentinel://127.0.0.1:1",
        "redis+sentinel://127.0.0.1:hush/master",
        "redis+sentinel://127.0.0.1:1/master/hush",
        "redis+sentinel://user:12/sh@127.0.0.1:1/master",
        "redis+cluster://user:12/sh@127.0.0.1:1",
        "redis+cluster://127.0.0.1?hush=1",
    ],
)
def test_s7_what_is_no_address_of_a_redis_is_refused_in_one_sentence_that_shows_nothing_of_it(url: str) -> None:
    with pytest.raises(Refused) as refused:
        connect(LogConfig("redis", url=url), 1)
    assert str(refused.value) == sharing.UNUSABLE


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("redis://user:hu%2Fs%23h%40@127.0.0.1:1/0", "hu/s#h@"),
        ("rediss://:hu@sh:,&=@[::1]:1?db=2", "hu@sh:,&="),
        ("redis://127.0.0.1?password=hu%2Fsh&db=1", "hu/sh"),
        ("redis+sentinel://user:hu%2Fsh@one,two:1,[::1]:2/master/3", "hu/sh"),
        ("unix://user:hush@/run/redis.sock?db=1", "hush"),
    ],
)
async def test_odd_passwords_are_taken_as_they_are_meant(url: str, password: str) -> None:
    store = connect(LogConfig("redis", url=url), 1)
    assert isinstance(store, Redis)
    assert store.connection_pool.connection_kwargs["password"] == password
    await disconnect(store)
