"""The keys that tokens may be signed with (protocol 2, Tokens): a secret, public keys, or a JWKS file of either.

Every key has one algorithm of its own, so that a token cannot choose how it is judged.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from bodhisattva.servers.core.errors import Refused

PUBLISHED_SECRETS = (b"your-secret-key", b"dev-secret", b"change-me", b"changeme", b"secret-key")
MINIMUM_SECRET_BYTES = 32
MINIMUM_RSA_BITS = 2048
MOST_KEYS = 32


class BadKey(Refused):
    """A key that cannot be used, or a secret that is none; the message names the setting or file."""


class Key(NamedTuple):
    """One way to sign. kid: None takes tokens whatever key they name."""

    algorithm: str
    material: Any
    kid: str | None = None


class KeyRing:
    """All keys in force; during a rotation the old and the new stand side by side."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def of_secret(cls, secret: str) -> "KeyRing":
        return cls([secret_key(secret)])

    def fitting(self, token: str) -> Iterator[Key]:
        """The keys that may have signed the token, by its header's `alg` and `kid`; jwt.DecodeError if it has none."""
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        for key in self._keys:
            if key.algorithm == algorithm and (kid is None or key.kid is None or key.kid == kid):
                yield key


def secret_key(secret: str) -> Key:
    """An HS256 key. Refuses what can be guessed: under 32 bytes, one repeated character, a published example."""
    if len(secret.encode()) < MINIMUM_SECRET_BYTES:
        raise BadKey(f"tokens.secret is shorter than {MINIMUM_SECRET_BYTES} bytes; use a longer random one")
    if _can_be_guessed(secret.encode()):
        raise BadKey("tokens.secret is a published or trivial one; use a random one")
    return Key("HS256", secret)


def _can_be_guessed(secret: bytes) -> bool:
    lowered = secret.lower()
    return len(set(secret)) < 4 or any(known in lowered for known in PUBLISHED_SECRETS)


def read_public_key(file: Path) -> Key:
    """The key of a PEM file: RSA of 2048 bits or more is RS256, P-256 is ES256, Ed25519 is EdDSA."""
    try:
        material = serialization.load_pem_public_key(_read(file))
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"tokens.public_key {file} is not a PEM public key") from None
    algorithm = _algorithm(material)
    if algorithm is None:
        taken = f"RSA of {MINIMUM_RSA_BITS} bits or more, P-256 or Ed25519"
        raise BadKey(f"tokens.public_key {file}: the key must be {taken}")
    return Key(algorithm, material)


def read_jwks(file: Path) -> list[Key]:
    """The keys of a JWKS file (RFC 7517); those that are for encryption are passed over."""
    try:
        found = msgspec.json.decode(_read(file), type=_Jwks).keys
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadKey(f"tokens.jwks_file {file} is not a JWKS document: {error}") from None
    signing = [entry for entry in found if entry.get("use", "sig") == "sig"]
    if not 0 < len(signing) <= MOST_KEYS:
        raise BadKey(f"tokens.jwks_file {file} holds {len(signing)} keys for signatures; give 1 to {MOST_KEYS}")
    return [_from_jwk(entry, f"tokens.jwks_file {file}, key {number}") for number, entry in enumerate(signing, 1)]


def read_signing_key(file: Path) -> Key:
    """A private key of a PEM file, to sign with."""
    try:
        material = serialization.load_pem_private_key(_read(file), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey(f"{file} is not a PEM private key without a passphrase") from None
    algorithm = _algorithm(material)
    if algorithm is None:
        raise BadKey(f"{file}: only RSA of {MINIMUM_RSA_BITS} bits or more, P-256 and Ed25519 keys sign tokens")
    return Key(algorithm, material)


class _Jwks(msgspec.Struct):
    keys: list[dict[str, Any]]


def _from_jwk(entry: dict[str, Any], where: str) -> Key:
    if entry.get("kty") != "oct" and "d" in entry:
        raise BadKey(f"{where} is a private key; a service needs the public one only")
    kid = entry.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise BadKey(f"{where}: kid must be a string")
    try:
        key = jwt.PyJWK(entry)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise BadKey(f"{where} cannot be read as a JWK") from None
    algorithm = _algorithm(key.key)
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        raise BadKey(f"{where}: only HS256, RS256, ES256 and EdDSA keys of full strength are taken")
    if isinstance(key.key, bytes) and _can_be_guessed(key.key):
        raise BadKey(f"{where} is a published or trivial secret; use a random one")
    return Key(algorithm, key.key, kid)


def _algorithm(material: object) -> str | None:
    """The one algorithm that a key is for; None for a key that is too weak or of another kind."""
    match material:
        case bytes():
            return "HS256" if len(material) >= MINIMUM_SECRET_BYTES else None
        case RSAPublicKey() | RSAPrivateKey():
            return "RS256" if material.key_size >= MINIMUM_RSA_BITS else None
        case EllipticCurvePublicKey() | EllipticCurvePrivateKey():
            return "ES256" if isinstance(material.curve, SECP256R1) else None
        case Ed25519PublicKey() | Ed25519PrivateKey():
            return "EdDSA"
    return None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadKey(f"{file}: {error.strerror}; give a file that this user can read") from None
