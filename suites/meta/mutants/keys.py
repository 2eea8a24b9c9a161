"""Servers that are wrong in which keys they trust."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bodhisattva.servers.core.auth import keys, verification
from bodhisattva.servers.core.auth.keys import BadKey, Key, KeyRing
from bodhisattva.servers.core.config import Config, ConfigError
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("AUTH-021", wrong="accepts tokens of algorithms that are not on the list", failure="auth was not refused")
def accepts_other_algorithms(inject: Inject) -> None:
    fitting = KeyRing.fitting

    def fitting_any(ring: KeyRing, token: str) -> Iterator[Key]:
        algorithm = jwt.get_unverified_header(token)["alg"]
        if algorithm not in ("HS384", "HS512"):
            return fitting(ring, token)
        return (key._replace(algorithm=algorithm) for key in ring._keys if key.algorithm == "HS256")

    inject(KeyRing, "fitting", fitting_any)


@mutant("AUTH-061", wrong="ignores the key id of a token", failure="auth was not refused")
def ignores_key_ids(inject: Inject) -> None:
    def fitting_by_algorithm(ring: KeyRing, token: str) -> Iterator[Key]:
        algorithm = jwt.get_unverified_header(token)["alg"]
        return (key for key in ring._keys if key.algorithm == algorithm)

    inject(KeyRing, "fitting", fitting_by_algorithm)


@mutant("LIFECYCLE-012", wrong="starts with a secret that is short", failure="in vain for: the end of")
def accepts_short_secrets(inject: Inject) -> None:
    inject.constant(keys, "MINIMUM_SECRET_BYTES", 8, reader=(keys, "secret_key"))


@mutant(
    "LIFECYCLE-012",
    wrong="starts with a secret that is published in documents",
    failure="in vain for: the end of",
)
def accepts_published_secrets(inject: Inject) -> None:
    inject.constant(keys, "PUBLISHED_SECRETS", (), reader=(keys, "_can_be_guessed"))


@mutant("AUTH-060", wrong="takes no keys of EdDSA", failure="the token is accepted")
def rejects_edwards_curves(inject: Inject) -> None:
    algorithm = keys._algorithm

    def known(material: object) -> str | None:
        return None if isinstance(material, Ed25519PublicKey) else algorithm(material)

    inject(keys, "_algorithm", known)


@mutant(
    "AUTH-069",
    wrong="takes a secret of a JWKS file that is published in documents",
    failure="in vain for: the log names the file",
)
def accepts_any_secret_among_its_keys(inject: Inject) -> None:
    from_jwk = keys._from_jwk

    def from_any_jwk(entry: dict[str, Any], where: str) -> Key:
        if entry.get("kty") == "oct":
            return Key("HS256", jwt.PyJWK(entry).key, entry.get("kid"))
        return from_jwk(entry, where)

    inject(keys, "_from_jwk", from_any_jwk)


@mutant(
    "AUTH-063",
    wrong="goes on accepting keys that are no longer in its file",
    failure="in vain for: the old key is refused",
)
def keeps_removed_keys(inject: Inject) -> None:
    read_jwks = keys.read_jwks
    known: dict[str | None, Key] = {}

    def read_more(file: Path) -> list[Key]:
        known.update({key.kid: key for key in read_jwks(file)})
        return list(known.values())

    inject(keys, "read_jwks", read_more)


@mutant("AUTH-065", wrong="drops its keys when their file is broken", failure="the log names the file")
def lets_its_keys_go_with_their_file(inject: Inject) -> None:
    read = keys.read_jwks

    def read_or_none(file: Path) -> list[Key]:
        try:
            return read(file)
        except BadKey:
            return []

    inject(keys, "read_jwks", read_or_none)


@mutant("AUTH-063", wrong="reads the file of its keys once", failure="the token is accepted")
def reads_its_keys_once(inject: Inject) -> None:
    inject(keys, "read_jwks", cache(keys.read_jwks))


@mutant("AUTH-064", wrong="judges tokens by another key than the file's", failure="the token is accepted")
def judges_by_another_key(inject: Inject) -> None:
    def another(_: Path) -> Key:
        return Key("EdDSA", Ed25519PrivateKey.generate().public_key())

    inject(keys, "read_public_key", another)


@mutant("LIFECYCLE-013", wrong="makes a secret up where it has been given none", failure="in vain for: the end of")
def invents_a_secret(inject: Inject) -> None:
    configured = verification._keys

    def keys_or_any(config: Config) -> list[Key]:
        try:
            return configured(config)
        except ConfigError:
            return [keys.secret_key(os.urandom(32).hex())]

    inject(verification, "_keys", keys_or_any)
