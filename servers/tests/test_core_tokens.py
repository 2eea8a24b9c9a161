"""Tokens and permissions (protocol 2)."""

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.auth import tokens
from bodhisattva.servers.core.auth.keys import BadKey, KeyRing, secret_key
from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.errors import AuthFailed, Forbidden, InvalidChannel
from bodhisattva.servers.tests.ledger import LEDGER

SECRET = "0123456789abcdefghijklmnopqrstuv-test"
NOW = 1_800_000_000.0
YEAR_10000 = 253_402_300_800
VERIFIER = Verifier(KeyRing.of_secret(SECRET), clock=lambda: NOW)
PERMISSIONS = Permissions(LEDGER)


def token(secret: str = SECRET, algorithm: str = "HS256", /, **claims: Any) -> str:
    full = {"user_id": "ada", "permissions": ["ledger:read"], "iat": NOW, "exp": NOW + 600} | claims
    return jwt.encode({key: value for key, value in full.items() if value is not None}, secret, algorithm=algorithm)


def test_s2_a_valid_token_names_its_bearer() -> None:
    assert VERIFIER.verify(token()) == Identity("ada", frozenset({"ledger:read"}), NOW + 600)


def test_s2_sub_serves_where_there_is_no_user_id() -> None:
    assert VERIFIER.verify(token(user_id=None, sub="bob")).user_id == "bob"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": "tomorrow"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": True},
        {"iat": NOW + 60, "exp": NOW + 600},
        {"iat": "now"},
        {"nbf": NOW + 60},
        {"nbf": "soon"},
        {"nbf": float("nan")},
        {"exp": NOW + 3700},
        {"exp": NOW + 3601},
        {"iat": None, "exp": NOW + 3606},
        {"iat": NOW + 3, "exp": NOW + 3604},
        {"iat": NOW + 6, "exp": NOW + 600},
        {"iat": NOW - 3000, "exp": NOW + 700},
        {"user_id": None},
        {"user_id": ""},
        {"user_id": 5},
        {"user_id": ["ada"]},
        {"user_id": "a" * 201},
        {"user_id": "a\nb"},
    ],
)
def test_s2_refused_claims(claims: dict[str, Any]) -> None:
    with pytest.raises(AuthFailed):
        VERIFIER.verify(token(**claims))


@pytest.mark.parametrize("claims", [{"iat": -(10**400)}, {"nbf": -(10**400)}, {"exp": YEAR_10000}, {"exp": 10**400}])
def test_s2_times_that_no_calendar_has_are_refused_however_long_a_token_may_live(claims: dict[str, Any]) -> None:
    with pytest.raises(AuthFailed):
        Verifier(KeyRing.of_secret(SECRET), max_lifetime=1e15, clock=lambda: NOW).verify(token(**claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": NOW + 4},
        {"nbf": NOW + 4},
        {"iat": NOW + 4, "exp": NOW + 3604},
        {"exp": NOW + 3600},
        {"iat": None},
        {"iat": None, "exp": NOW + 3604},
    ],
)
def test_s2_leeway(claims: dict[str, Any]) -> None:
    assert VERIFIER.verify(token(**claims)).user_id == "ada"


def _unsigned() -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return part({"alg": "none", "typ": "JWT"}) + "." + part({"user_id": "ada", "exp": NOW + 60}) + "."


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        5,
        {"token": "x"},
        "x",
        "a.b.c",
        _unsigned(),
        token(SECRET + "x"),
        token(SECRET * 2, "HS512"),
        token(SECRET * 2, "HS384"),
        token()[:-2],
        token() + "." + token(),
        "é.é.é",
        token(padding="x" * 20_000),
        base64.urlsafe_b64encode(b'{"a":' + b"[" * 9_000).decode() + ".e30.e30",
    ],
    ids=range(15),
)
def test_s2_refused_tokens(bad: object) -> None:
    with pytest.raises(AuthFailed):
        VERIFIER.verify(bad)


@given(st.text(max_size=200) | st.builds(lambda *parts: ".".join(parts), st.text(), st.text(), st.text()))
def test_s2_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(AuthFailed):
        VERIFIER.verify(text)


def test_s2_a_refusal_shows_nothing_of_the_reason() -> None:
    def refusal(bad: str) -> str:
        with pytest.raises(AuthFailed) as refused:
            VERIFIER.verify(bad)
        return refused.value.message

    assert len({refusal(token(exp=NOW - 1)), refusal(token(SECRET + "x")), refusal("x")}) == 1


def test_s2_audience() -> None:
    verifier = Verifier(KeyRing.of_secret(SECRET), audience="ledger", clock=lambda: NOW)
    assert verifier.verify(token(aud="ledger")).user_id == "ada"
    for wrong in (token(), token(aud="other")):
        with pytest.raises(AuthFailed):
            verifier.verify(wrong)


@pytest.mark.parametrize("claim", ["admin", {"admin": True}, ["admin", 5], None, [["admin"]], 5])
def test_s2_permissions_that_are_no_list_of_strings_count_as_none(claim: Any) -> None:
    assert VERIFIER.verify(token(permissions=claim)).permissions == frozenset()


@pytest.mark.parametrize(
    "weak",
    ["", "short", "x" * 31, "x" * 64, "abab" * 16, "your-secret-key-" * 4, "please-CHANGE-ME-" * 3, "dev-secret-" * 5],
)
def test_s7_weak_secrets_are_refused_in_one_line(weak: str) -> None:
    with pytest.raises(BadKey, match=r"^tokens\.secret .+$"):
        secret_key(weak)


def test_a_minted_token_is_taken() -> None:
    minted = tokens.mint(secret_key(SECRET), "ada", ["ledger:write"], 60, audience="ledger")
    identity = Verifier(KeyRing.of_secret(SECRET), audience="ledger").verify(minted)
    assert (identity.user_id, identity.permissions) == ("ada", frozenset({"ledger:write"}))


def who(*permissions: str, user_id: str = "ada") -> Identity:
    return Identity(user_id, frozenset(permissions), None)


@pytest.mark.parametrize(
    ("held", "reads", "writes"),
    [
        ("admin", True, True),
        ("ledger:admin", True, True),
        ("ledger:write", True, True),
        ("ledger:read", True, False),
        ("other:admin", False, False),
        ("ledger", False, False),
        ("ledger:*", False, False),
        ("LEDGER:READ", False, False),
        ("account:read", False, False),
    ],
)
def test_s2_permissions_of_queries_and_commands(held: str, reads: bool, writes: bool) -> None:
    assert _allowed(PERMISSIONS.check_query, who(held)) is reads
    assert _allowed(PERMISSIONS.check_command, who(held)) is writes


@pytest.mark.parametrize(
    ("held", "channel", "allowed"),
    [
        ("ledger:read", "account:1", True),
        ("account:read", "account:1", True),
        ("account:read", "global", False),
        ("account:read", "waves:1", False),
        ("ledger:read", "mine:ada", True),
        ("ledger:read", "mine:bob", False),
        ("ledger:write", "mine:bob", False),
        ("ledger:admin", "mine:bob", True),
        ("admin", "mine:bob", True),
        ("ledger:read", "mine:ada ", False),
        ("other:read", "global", False),
    ],
)
def test_s2_permissions_of_channels(held: str, channel: str, allowed: bool) -> None:
    assert _allowed(PERMISSIONS.check_channel, who(held), channel) is allowed


def test_s2_a_private_channel_takes_any_user_id() -> None:
    user_id = "auth0|ada lovelace"
    PERMISSIONS.check_channel(who("ledger:read", user_id=user_id), f"mine:{user_id}")


@pytest.mark.parametrize("channel", ["", "account", "account:", "accounts:1", "account:a b", "global:", "mine:a\nb"])
def test_s3_unknown_channels(channel: str) -> None:
    with pytest.raises(InvalidChannel):
        PERMISSIONS.check_channel(who("admin"), channel)


def _allowed(check: Any, *arguments: object) -> bool:
    try:
        check(*arguments)
    except Forbidden:
        return False
    return True
