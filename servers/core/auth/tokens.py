"""The user that a token names (protocol 2, Tokens). A refusal gives no reason."""

import time
from collections.abc import Callable, Container
from contextlib import suppress
from typing import Any, TypeGuard
from uuid import uuid4

import jwt
import msgspec

from bodhisattva.servers.core.auth.keys import Key, KeyRing
from bodhisattva.servers.core.errors import AuthFailed

_LONGEST_TOKEN = 16 * 1024
_LONGEST_USER_ID = 200
_LAST_SECOND = 253_402_300_799  # of the year 9999, after which ISO 8601 has no form for the end of a token


class Certificate(msgspec.Struct, frozen=True):
    """What a client showed in the TLS handshake. id: by which it can be revoked. expires_at: seconds since 1970."""

    id: str
    expires_at: float


class Identity(msgspec.Struct, frozen=True):
    """The bearer. permissions: as in the token. expires_at: seconds since 1970, None when nothing expires.

    token_id: the token's `jti`, by which it can be revoked. certificate: the one that named the connection's user.
    """

    user_id: str
    permissions: frozenset[str]
    expires_at: float | None
    token_id: str | None = None
    certificate: Certificate | None = None

    def renewed_by(self, token: "Identity") -> "Identity":
        """The same user by a further token, which no connection outlives its certificate by; AuthFailed if another."""
        if token.user_id != self.user_id:
            raise AuthFailed("The token is another user's.")
        if self.certificate is None or token.expires_at is None:
            return token
        ends = min(token.expires_at, self.certificate.expires_at)
        return msgspec.structs.replace(token, expires_at=ends, certificate=self.certificate)


ANYBODY = Identity("anonymous", frozenset({"admin"}), None)


class Verifier:
    """Judges tokens. revoked: the `jti` of those taken back. max_lifetime, leeway in seconds; clock: since 1970."""

    def __init__(
        self,
        keys: KeyRing,
        *,
        revoked: Container[str | None] = (),
        audience: str | None = None,
        max_lifetime: float = 3600,
        leeway: float = 5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._revoked = revoked
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
        return self._identity(self._claims(token))

    def revokes(self, identity: Identity) -> bool:
        """Whether the token or certificate of a live connection has been taken back since."""
        shown = identity.certificate
        return identity.token_id in self._revoked or (shown is not None and shown.id in self._revoked)

    def check(self, identity: Identity) -> None:
        """AuthFailed for an identity that did not come by `verify`, if what it rests on was taken back."""
        if self.revokes(identity):
            raise AuthFailed("The certificate is not valid.")

    def _claims(self, token: str) -> dict[str, Any]:
        """What a key in force has signed; the first one that fits decides."""
        try:
            for key in self._keys.fitting(token):
                with suppress(jwt.InvalidSignatureError):
                    return self._signed_by(key, token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            pass
        raise AuthFailed("The token is not valid.")

    def _signed_by(self, key: Key, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.material,
            algorithms=[key.algorithm],
            audience=self._audience,
            options={
                "require": ["exp"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_sub": False,
                "verify_jti": False,
                "verify_aud": self._audience is not None,
            },
        )
        return claims

    def _identity(self, claims: dict[str, Any]) -> Identity:
        user_id = claims.get("user_id", claims.get("sub"))
        expires_at = claims.get("exp")
        token_id = claims.get("jti")
        if not self._timely(expires_at, claims) or not names_a_user(user_id):
            raise AuthFailed("The token is not valid.")
        if not isinstance(token_id, str | None) or token_id in self._revoked:
            raise AuthFailed("The token is not valid.")
        return Identity(user_id, _permissions(claims.get("permissions")), float(expires_at), token_id)

    def _timely(self, expires_at: Any, claims: dict[str, Any]) -> TypeGuard[int | float]:
        """Not over, not of the future, not for longer than allowed; what is no time is none of these.

        The leeway is for clocks that run ahead of ours, and makes no life longer. A token without a time of issue
        may be as new as that allows.
        """
        now = self._clock()
        newest = now + self._leeway
        issued_at, not_before = claims.get("iat", newest), claims.get("nbf", now)
        if not (_is_time(expires_at) and _is_time(issued_at) and _is_time(not_before)):
            return False
        return now < expires_at <= issued_at + self._max_lifetime and max(issued_at, not_before) <= newest


def mint(
    key: Key,
    user_id: str,
    permissions: list[str],
    lifetime: float,
    *,
    audience: str | None = None,
    now: float | None = None,
) -> str:
    """A token for `user_id`, with a `jti` by which it can be revoked; lifetime in seconds."""
    issued = int(now if now is not None else time.time())
    claims: dict[str, Any] = {
        "user_id": user_id,
        "permissions": permissions,
        "iat": issued,
        "exp": issued + int(lifetime),
        "jti": str(uuid4()),
    }
    if audience is not None:
        claims["aud"] = audience
    headers = {"kid": key.kid} if key.kid else None
    return jwt.encode(claims, key.material, algorithm=key.algorithm, headers=headers)


def names_a_user(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_USER_ID and value.isprintable()


def _permissions(claim: Any) -> frozenset[str]:
    """A list of strings, element by element; anything else counts as none."""
    if not isinstance(claim, list) or not all(isinstance(element, str) for element in claim):
        return frozenset()
    return frozenset(claim)


def _is_time(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LAST_SECOND
