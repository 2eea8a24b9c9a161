"""Who a token speaks for (contract 2, Tokens). A token that is refused says no more than that it was refused."""

import time
from collections.abc import Callable
from typing import Any, TypeGuard

import jwt
import msgspec

from bodhisattva.servers.core.errors import AuthFailed, Refused

PUBLISHED_SECRETS = ("your-secret-key", "dev-secret", "change-me", "changeme", "secret-key")
MINIMUM_SECRET_BYTES = 32
_LONGEST_TOKEN = 16 * 1024
_LONGEST_USER_ID = 200


class Identity(msgspec.Struct, frozen=True):
    """The bearer. permissions: as in the token. expires_at: seconds since 1970, None when nothing expires."""

    user_id: str
    permissions: frozenset[str]
    expires_at: float | None


ANYBODY = Identity("anonymous", frozenset({"admin"}), None)


class WeakSecret(Refused):
    """The secret is no secret."""


def check_secret(secret: str) -> None:
    """Refuse what can be guessed: under 32 bytes, one repeated character, or built on a published example."""
    if len(secret.encode()) < MINIMUM_SECRET_BYTES:
        raise WeakSecret(f"tokens.secret is shorter than {MINIMUM_SECRET_BYTES} bytes; use a longer random one")
    lowered = secret.lower()
    if len(set(secret)) < 4 or any(known in lowered for known in PUBLISHED_SECRETS):
        raise WeakSecret("tokens.secret is a published or trivial one; use a random one")


class Verifier:
    """Judges HS256 tokens. max_lifetime and leeway in seconds; clock: seconds since 1970."""

    def __init__(
        self,
        secret: str,
        *,
        audience: str | None = None,
        max_lifetime: float = 3600,
        leeway: float = 5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_secret(secret)
        self._secret = secret
        self._audience = audience
        self._max_lifetime = max_lifetime
        self._leeway = leeway
        self._clock = clock

    def verify(self, token: object) -> Identity:
        """The token's identity; AuthFailed whatever is wrong with it."""
        if not isinstance(token, str) or not token:
            raise AuthFailed("A token is required.")
        if len(token) > _LONGEST_TOKEN:
            raise AuthFailed("The token is not valid.")
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                audience=self._audience,
                leeway=self._leeway,
                options={
                    "require": ["exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": self._audience is not None,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise AuthFailed("The token is not valid.") from None
        return self._identity(claims)

    def _identity(self, claims: dict[str, Any]) -> Identity:
        user_id = claims.get("user_id", claims.get("sub"))
        expires_at = claims.get("exp")
        if not self._timely(expires_at, claims) or not _names_a_user(user_id):
            raise AuthFailed("The token is not valid.")
        return Identity(user_id, _permissions(claims.get("permissions")), float(expires_at))

    def _timely(self, expires_at: Any, claims: dict[str, Any]) -> TypeGuard[int | float]:
        """Not over, not of the future, not for longer than allowed; a time that is no number is none of these."""
        now = self._clock()
        issued_at, not_before = claims.get("iat", now), claims.get("nbf", now)
        if not (_is_number(expires_at) and _is_number(issued_at) and _is_number(not_before)):
            return False
        longest = min(issued_at, now) + self._max_lifetime + self._leeway
        return now < expires_at <= longest and max(issued_at, not_before) <= now + self._leeway


def mint(
    secret: str,
    user_id: str,
    permissions: list[str],
    lifetime: float,
    *,
    audience: str | None = None,
    now: float | None = None,
) -> str:
    """A token for `user_id`; lifetime in seconds."""
    issued = int(now if now is not None else time.time())
    claims: dict[str, Any] = {
        "user_id": user_id,
        "permissions": permissions,
        "iat": issued,
        "exp": issued + int(lifetime),
    }
    if audience is not None:
        claims["aud"] = audience
    return jwt.encode(claims, secret, algorithm="HS256")


def _permissions(claim: Any) -> frozenset[str]:
    """A list of strings, element by element; anything else counts as none."""
    if not isinstance(claim, list) or not all(isinstance(element, str) for element in claim):
        return frozenset()
    return frozenset(claim)


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _names_a_user(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_USER_ID and value.isprintable()
