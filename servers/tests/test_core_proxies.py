"""Who a client is, by the addresses and schemes that proxies name, and by nobody else's word (protocol 2.2)."""

from typing import Any

import pytest
from aiohttp import hdrs
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from bodhisattva.servers.core.config import ConfigError
from bodhisattva.servers.core.connections import proxies
from bodhisattva.servers.tests.running import config, limits, running

TRUSTED = proxies.trusted(["10.0.0.0/8", "2001:db8::/64"])
PROXY = "10.0.0.5"


@pytest.mark.parametrize(
    ("sender", "forwarded", "expected"),
    [
        (PROXY, ["203.0.113.7"], ("203.0.113.7", 1)),
        ("203.0.113.9", ["198.51.100.1"], ("203.0.113.9", 0)),
        (PROXY, ["198.51.100.1, 203.0.113.7"], ("203.0.113.7", 1)),
        (PROXY, ["198.51.100.1,203.0.113.7, 10.0.0.6 ,10.0.0.7"], ("203.0.113.7", 3)),
        (PROXY, ["198.51.100.1", "203.0.113.7", "10.0.0.6"], ("203.0.113.7", 2)),
        (PROXY, ["10.0.0.7, 10.0.0.6"], ("10.0.0.7", 3)),
        (PROXY, [", ".join(["203.0.113.7"] + ["10.0.0.6"] * 300)], ("203.0.113.7", 301)),
        ("2001:db8::1", ["2001:DB8:1::0007"], ("2001:db8:1::7", 1)),
        ("::ffff:10.0.0.5", ["::ffff:203.0.113.7"], ("203.0.113.7", 1)),
        (PROXY, ["203.0.113.7:4711"], ("203.0.113.7", 1)),
        (PROXY, ["[2001:db8:1::7]:4711"], ("2001:db8:1::7", 1)),
        (PROXY, ["[2001:db8:1::7]"], ("2001:db8:1::7", 1)),
        (PROXY, [], (PROXY, 1)),
        ("", ["203.0.113.7"], ("", 0)),
    ],
)
def test_s2_2_the_first_address_from_the_right_that_is_no_trusted_proxys(
    sender: str, forwarded: list[str], expected: tuple[str, int]
) -> None:
    assert proxies.behind(sender, forwarded, TRUSTED) == expected


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", ",", "unknown", "_hidden", "203.0.113.7:", "203.0.113.7:http", "203.0.113.7:4:7", "[2001:db8:1::7"),
        *("[2001:db8:1::7]x", "[2001:db8:1::7]:x", "203.0.113.256", "0x7f.1", "for=203.0.113.7", "٣.1.1.1"),
    ],
)
def test_s2_2_what_is_no_address_makes_the_proxy_that_wrote_it_the_client(written: str) -> None:
    assert proxies.behind(PROXY, [f"198.51.100.1, {written}"], TRUSTED) == (PROXY, 1)


def test_s2_2_without_trusted_proxies_nobody_is_believed() -> None:
    assert proxies.behind(PROXY, ["203.0.113.7"], ()) == (PROXY, 0)


@pytest.mark.parametrize(
    ("sender", "headers", "scheme"),
    [
        (PROXY, {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}, "https"),
        (PROXY, {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "WSS"}, "https"),
        (PROXY, {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http, https"}, "https"),
        (PROXY, {"X-Forwarded-For": "203.0.113.7, 10.0.0.6", "X-Forwarded-Proto": "https, http"}, "https"),
        (PROXY, {"X-Forwarded-For": "203.0.113.7, 10.0.0.6", "X-Forwarded-Proto": "https"}, "https"),
        (PROXY, {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "gopher"}, "http"),
        (PROXY, {"X-Forwarded-For": "203.0.113.7"}, "http"),
        ("203.0.113.9", {"X-Forwarded-Proto": "https"}, "http"),
    ],
)
def test_s2_2_the_scheme_is_that_of_the_farthest_trusted_proxy(
    sender: str, headers: dict[str, str], scheme: str
) -> None:
    request = make_mocked_request(hdrs.METH_GET, "/ws", headers=CIMultiDict(headers)).clone(remote=sender)
    assert proxies.client(request, TRUSTED).scheme == scheme


@pytest.mark.parametrize("network", ["10.0.0.300/8", "10.0.0.5/8", "proxy.internal", "", "0.0.0.0/0", "::/0"])
def test_s7_a_start_refuses_what_is_no_network_of_proxies(network: str) -> None:
    with pytest.raises(ConfigError, match=r"\Atrusted_proxies: [^\n]+\Z"):
        proxies.trusted([network])


async def test_s2_2_each_address_behind_a_trusted_proxy_has_its_own_room() -> None:
    settings: dict[str, Any] = {"limits": limits(connections_per_address=1), "trusted_proxies": ("127.0.0.0/8",)}
    async with running(**settings) as one:
        for address in ("203.0.113.7", "203.0.113.8"):
            await one.connect(headers={"X-Forwarded-For": address})
        extra = await one.connect(welcome=False, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
        assert await extra.close_code() == 1013


async def test_s2_2_strangers_have_the_room_of_their_own_address_whatever_they_write() -> None:
    async with running(limits=limits(connections_per_address=1), trusted_proxies=("10.0.0.0/8",)) as one:
        await one.connect(headers={"X-Forwarded-For": "203.0.113.7"})
        extra = await one.connect(welcome=False, headers={"X-Forwarded-For": "203.0.113.8"})
        assert await extra.close_code() == 1013


async def test_s2_4_the_welcome_of_who_came_to_a_proxy_by_tls_is_secure() -> None:
    async with running(trusted_proxies=("127.0.0.0/8",)) as one:
        client = await one.connect(welcome=False, headers={"X-Forwarded-Proto": "https"})
        assert (await client.read())["data"]["tls_mode"] == "WSS"


async def test_s7_a_reload_takes_over_who_is_trusted() -> None:
    async with running(limits=limits(connections_per_address=1)) as one:
        await one.connect(headers={"X-Forwarded-For": "203.0.113.7"})
        one.config = config(limits=one.config.limits, trusted_proxies=("127.0.0.0/8",))
        one.server.reload()
        await one.connect(headers={"X-Forwarded-For": "203.0.113.8"})
        one.config = config(limits=one.config.limits, trusted_proxies=("nowhere",))
        one.server.reload()
        assert one.server.config.trusted_proxies == ("127.0.0.0/8",)
