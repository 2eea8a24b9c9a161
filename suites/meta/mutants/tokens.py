"""Servers that are wrong in which tokens they accept."""

import base64
import hashlib
import hmac
import math
import time
from typing import Any

import jwt
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bodhisattva.servers.core.auth import tokens, verification
from bodhisattva.servers.core.auth.keys import Key
from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.errors import AuthFailed
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("AUTH-025", wrong="takes no token of a clock that is ahead by seconds", failure="AUTH_FAILED")
def has_no_leeway(inject: Inject) -> None:
    made = Verifier.__init__

    def make(verifier: Verifier, *arguments: Any, **options: Any) -> None:
        made(verifier, *arguments, **options)
        verifier._leeway = 0

    inject(Verifier, "__init__", make)


@mutant("AUTH-023", wrong="takes tokens however long they live", failure="was not refused")
def accepts_tokens_of_any_lifetime(inject: Inject) -> None:
    made = Verifier.__init__

    def make(verifier: Verifier, *arguments: Any, **options: Any) -> None:
        made(verifier, *arguments, **options)
        verifier._max_lifetime = math.inf

    inject(Verifier, "__init__", make)


@mutant("AUTH-024", wrong="takes tokens of the next hour", failure="was not refused")
def accepts_tokens_of_the_future(inject: Inject) -> None:
    made = Verifier.__init__

    def make(verifier: Verifier, *arguments: Any, **options: Any) -> None:
        made(verifier, *arguments, **options)
        verifier._leeway = 3600

    inject(Verifier, "__init__", make)


@mutant(
    "AUTH-020",
    wrong="accepts tokens of the algorithm none",
    failure="auth was not refused",
    also=("AUTH-051", "PROTOCOL-028"),
)
def accepts_unsigned_tokens(inject: Inject) -> None:
    claims: Any = Verifier._claims

    def claims_unsigned(verifier: Verifier, token: str) -> Any:
        if token.count(".") == 2 and token.endswith("."):
            return jwt.decode(token, options={"verify_signature": False})
        return claims(verifier, token)

    inject(Verifier, "_claims", claims_unsigned)


@mutant("TLS-027", wrong="accepts any token where it has no key to verify it with", failure="was not refused")
def accepts_any_token_without_a_key(inject: Inject) -> None:
    claims = Verifier._claims

    def unjudged(verifier: Verifier, token: str) -> dict[str, Any]:
        if verifier._keys._keys:
            return claims(verifier, token)
        found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return found

    inject(Verifier, "_claims", unjudged)


@mutant("AUTH-062", wrong="lets a token choose that a public key is judged as a secret", failure="auth was not refused")
def uses_public_keys_as_secrets(inject: Inject) -> None:
    claims: Any = Verifier._claims

    def signed_with_text(verifier: Verifier, token: str) -> bool:
        body, _, signature = token.rpartition(".")
        for key in verifier._keys._keys:
            if key.algorithm == "RS256":
                text = key.material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
                mac = hmac.new(text, body.encode(), hashlib.sha256).digest()
                if base64.urlsafe_b64encode(mac).rstrip(b"=").decode() == signature:
                    return True
        return False

    def claims_of_confused(verifier: Verifier, token: str) -> Any:
        if signed_with_text(verifier, token):
            return jwt.decode(token, options={"verify_signature": False})
        return claims(verifier, token)

    inject(Verifier, "_claims", claims_of_confused)


@mutant("AUTH-002", wrong="accepts expired tokens", failure="auth was not refused", also=("AUTH-051", "PROTOCOL-028"))
def accepts_expired_tokens(inject: Inject) -> None:
    identity = Verifier._identity

    def of_today(verifier: Verifier, claims: dict[str, Any]) -> Identity:
        end = claims.get("exp")
        over = isinstance(end, int | float) and end <= time.time()
        return identity(verifier, {**claims, "exp": time.time() + 60} if over else claims)

    inject(Verifier, "_identity", of_today)


@mutant("DEGRADATION-002", wrong="refuses tokens that were made before it was started", failure="auth was refused")
def rejects_tokens_of_before_its_start(inject: Inject) -> None:
    identity = Verifier._identity
    started = time.time()

    def of_later_tokens(verifier: Verifier, claims: dict[str, Any]) -> Identity:
        if claims.get("iat", started) < started - 1:
            raise AuthFailed("The token is not valid.")
        return identity(verifier, claims)

    inject(Verifier, "_identity", of_later_tokens)


@mutant("AUTH-027", wrong="does not take the subject of a token for its user", failure="AUTH_FAILED")
def ignores_subjects(inject: Inject) -> None:
    identity = Verifier._identity

    def without_subject(verifier: Verifier, claims: dict[str, Any]) -> Identity:
        return identity(verifier, {name: value for name, value in claims.items() if name != "sub"})

    inject(Verifier, "_identity", without_subject)


@mutant("AUTH-003", wrong="verifies no signature", failure="was not refused", also=("AUTH-051", "PROTOCOL-028"))
def accepts_any_signature(inject: Inject) -> None:
    def unsigned(_: Verifier, __: Key, token: str) -> dict[str, Any]:
        found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return found

    inject(Verifier, "_signed_by", unsigned)


@mutant("AUTH-022", wrong="takes tokens that never end", failure="was not refused", also=("AUTH-051",))
def accepts_tokens_without_an_end(inject: Inject) -> None:
    def endless(_: Verifier, key: Key, token: str) -> dict[str, Any]:
        options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
        claims: dict[str, Any] = jwt.decode(token, key.material, algorithms=[key.algorithm], options=options)
        return {"exp": time.time() + 60} | claims

    inject(Verifier, "_signed_by", endless)


@mutant(
    "AUTH-174",
    wrong="takes a token that lives longer than the maximum by no more than the leeway",
    failure="was not refused",
)
def lets_leeway_lengthen_tokens(inject: Inject) -> None:
    timely = Verifier._timely

    def timely_with_leeway(verifier: Verifier, expires_at: Any, claims: dict[str, Any]) -> bool:
        if isinstance(expires_at, int | float):
            expires_at -= verifier._leeway
        return timely(verifier, expires_at, claims)

    inject(Verifier, "_timely", timely_with_leeway)


@mutant(
    "AUTH-011",
    wrong="accepts an auth request without a token",
    failure="was not refused",
    also=("AUTH-051",),
)
def accepts_auth_without_a_token(inject: Inject) -> None:
    verify = Verifier.verify

    def verify_if_any(verifier: Verifier, token: object) -> Identity:
        return Identity("anonymous", frozenset(), None) if token is None else verify(verifier, token)

    inject(Verifier, "verify", verify_if_any)


@mutant(
    "SECURITY-022", wrong="writes the tokens that it judges into its log", failure="a token or secret is in the log"
)
def logs_tokens(inject: Inject) -> None:
    verify = Verifier.verify

    def verify_and_log(verifier: Verifier, token: object) -> Identity:
        structlog.get_logger().info("token", token=token)
        return verify(verifier, token)

    inject(Verifier, "verify", verify_and_log)


@mutant("PROTOCOL-028", wrong="repeats a refused token in the error", failure="a secret or token is in")
def repeats_refused_tokens_in_errors(inject: Inject) -> None:
    verify = Verifier.verify

    def verify_aloud(verifier: Verifier, token: object) -> Identity:
        try:
            return verify(verifier, token)
        except AuthFailed:
            raise AuthFailed(f"The token {token} is not valid.") from None

    inject(Verifier, "verify", verify_aloud)


@mutant("AUTH-028", wrong="accepts tokens that were made for somebody else", failure="auth was not refused")
def accepts_other_audiences(inject: Inject) -> None:
    decode: Any = jwt.decode

    def decode_for_anybody(*given: Any, options: dict[str, Any], audience: str | None, **settings: Any) -> Any:
        return decode(*given, options={**options, "verify_aud": False}, **settings)

    inject(jwt, "decode", decode_for_anybody)


@mutant("AUTH-026", wrong="takes a number for a user", failure="was not refused", also=("AUTH-051", "PROTOCOL-028"))
def accepts_any_value_as_a_user(inject: Inject) -> None:
    def anybody(_: object) -> bool:
        return True

    inject(tokens, "names_a_user", anybody)


@mutant(
    "LIFECYCLE-014",
    wrong="serves the whole network with authentication disabled",
    failure="in vain for: the end of",
)
def serves_every_address_without_authentication(inject: Inject) -> None:
    def anywhere(_host: str) -> bool:
        return True

    inject(verification, "is_loopback", anywhere)
