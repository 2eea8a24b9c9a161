"""Keys that tokens are signed with (protocol 2, Tokens): public keys, JWKS, rotation, revocation."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from bodhisattva.servers.core.auth import keys
from bodhisattva.servers.core.auth.keys import BadKey, Key, KeyRing
from bodhisattva.servers.core.auth.tokens import Verifier, mint
from bodhisattva.servers.core.auth.verification import verifier
from bodhisattva.servers.core.config import Config, ConfigError, Tokens
from bodhisattva.servers.core.errors import AuthFailed

SECRET = "0123456789abcdefghijklmnopqrstuv-test"
PRIVATE: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
ALGORITHMS = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


def public_pem(algorithm: str) -> bytes:
    pem: bytes = (
        PRIVATE[algorithm]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return pem


def private_pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem


def jwk(algorithm: str, kid: str, **more: Any) -> dict[str, Any]:
    kind: Any = ALGORITHMS[algorithm]
    entry: dict[str, Any] = kind.to_jwk(PRIVATE[algorithm].public_key(), as_dict=True)
    return entry | {"kid": kid} | more


def secret_of(value: bytes) -> str:
    """As a JWK writes it."""
    return jwt.utils.base64url_encode(value).decode()


def jwks(folder: Path, *entries: dict[str, Any]) -> Path:
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": entries}))
    return file


def signed(algorithm: str, kid: str | None = None, material: Any = None) -> str:
    return mint(Key(algorithm, material or PRIVATE[algorithm], kid), "ada", ["ledger:read"], 60)


def judge(*found: Key) -> Verifier:
    return Verifier(KeyRing(found))


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_s2_a_public_key_judges_what_its_private_key_signed(tmp_path: Path, algorithm: str) -> None:
    file = tmp_path / "public.pem"
    file.write_bytes(public_pem(algorithm))
    key = keys.read_public_key(file)
    assert key.algorithm == algorithm
    assert judge(key).verify(signed(algorithm)).user_id == "ada"


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_s2_what_another_key_of_the_kind_signed_is_refused(tmp_path: Path, algorithm: str) -> None:
    others: dict[str, Any] = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    ring = keys.read_jwks(jwks(tmp_path, jwk(algorithm, "a")))
    with pytest.raises(AuthFailed):
        judge(*ring).verify(signed(algorithm, "a", others[algorithm]))


def test_s2_a_public_key_is_no_secret(tmp_path: Path) -> None:
    """The classic confusion: HS256 with the public key's text as the secret."""
    file = tmp_path / "public.pem"
    file.write_bytes(public_pem("RS256"))

    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    claims = jwt.decode(signed("RS256"), options={"verify_signature": False})
    body = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    mac = hmac.new(public_pem("RS256"), body, hashlib.sha256).digest()
    forged = (body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()
    with pytest.raises(AuthFailed):
        judge(keys.read_public_key(file)).verify(forged)


def test_s2_several_keys_by_kid(tmp_path: Path) -> None:
    ring = keys.read_jwks(jwks(tmp_path, jwk("ES256", "old"), jwk("RS256", "new"), jwk("EdDSA", "third")))
    for algorithm, kid in (("ES256", "old"), ("RS256", "new"), ("EdDSA", "third")):
        assert judge(*ring).verify(signed(algorithm, kid)).user_id == "ada"
        assert judge(*ring).verify(signed(algorithm)).user_id == "ada", "a token that names no key"


def test_s2_a_token_of_another_kid_is_refused(tmp_path: Path) -> None:
    ring = keys.read_jwks(jwks(tmp_path, jwk("ES256", "new")))
    with pytest.raises(AuthFailed):
        judge(*ring).verify(signed("ES256", "old"))


def test_s2_secrets_rotate_in_a_jwks_file_too(tmp_path: Path) -> None:
    old, new = b"o" * 20 + b"ld-secret-of-32-bytes", b"n" * 20 + b"ew-secret-of-32-bytes"
    entries = [{"kty": "oct", "k": secret_of(value), "kid": kid} for value, kid in ((old, "1"), (new, "2"))]
    ring = keys.read_jwks(jwks(tmp_path, *entries))
    assert judge(*ring).verify(signed("HS256", "1", old)).user_id == "ada"
    assert judge(*ring).verify(signed("HS256", None, new)).user_id == "ada"
    with pytest.raises(AuthFailed):
        judge(*ring).verify(signed("HS256", "2", old))


def test_keys_for_encryption_are_passed_over(tmp_path: Path) -> None:
    ring = keys.read_jwks(jwks(tmp_path, jwk("RS256", "e", use="enc"), jwk("ES256", "s", use="sig")))
    assert [key.kid for key in ring] == ["s"]


WEAK_RSA: Any = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
P384: Any = ec.generate_private_key(ec.SECP384R1())
UNUSABLE: list[tuple[list[Any], str]] = [
    ([], "0 keys"),
    ([{"kty": "oct", "k": "c2hvcnQ"}], "full strength"),
    ([{"kty": "oct", "k": secret_of(b"Your-Secret-Key" * 3)}], "published or trivial"),
    ([{"kty": "oct", "k": secret_of(b"\0" * 64)}], "published or trivial"),
    ([{"kty": "RSA"}], "cannot be read"),
    ([{}], "cannot be read"),
    ([jwk("ES256", "a") | {"kid": 7}], "kid must be a string"),
    ([jwk("RS256", "a", alg="RS512")], "full strength"),
    ([jwt.algorithms.RSAAlgorithm.to_jwk(WEAK_RSA.public_key(), as_dict=True)], "full strength"),
    ([jwt.algorithms.ECAlgorithm.to_jwk(P384.public_key(), as_dict=True)], "full strength"),
    ([jwt.algorithms.ECAlgorithm.to_jwk(PRIVATE["ES256"], as_dict=True)], "private key"),
    ([jwk("ES256", str(number)) for number in range(33)], "33 keys"),
]


@pytest.mark.parametrize(("entries", "output"), UNUSABLE)
def test_a_jwks_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, entries: list[Any], output: str) -> None:
    with pytest.raises(BadKey, match=output) as caught:
        keys.read_jwks(jwks(tmp_path, *entries))
    assert "\n" not in str(caught.value)
    assert "jwks.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"keys": 5}', b"\xff"])
def test_a_file_that_is_no_jwks_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(content)
    with pytest.raises(BadKey, match="is not a JWKS document"):
        keys.read_jwks(file)


@pytest.mark.parametrize("content", [b"", b"no PEM", private_pem(PRIVATE["ES256"])])
def test_a_file_that_is_no_public_key_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "public.pem"
    file.write_bytes(content)
    with pytest.raises(BadKey, match=r"public\.pem is not a PEM public key"):
        keys.read_public_key(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (keys.read_public_key, keys.read_jwks, keys.read_signing_key):
        with pytest.raises(BadKey, match=r"none\.pem: No such file"):
            read(tmp_path / "none.pem")


def test_weak_signing_keys_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "weak.pem"
    for weak in (WEAK_RSA, P384):
        file.write_bytes(private_pem(weak))
        with pytest.raises(BadKey, match="sign tokens"):
            keys.read_signing_key(file)


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_signing_key_mints_what_its_public_key_judges(tmp_path: Path, algorithm: str) -> None:
    file = tmp_path / "private.pem"
    file.write_bytes(private_pem(PRIVATE[algorithm]))
    signing = keys.read_signing_key(file)._replace(kid="k")
    ring = keys.read_jwks(jwks(tmp_path, jwk(algorithm, "k")))
    assert judge(*ring).verify(mint(signing, "ada", [], 60)).user_id == "ada"


def configured(**tokens: Any) -> Verifier:
    found = verifier(Config(tokens=Tokens(**tokens)))
    assert found is not None
    return found


def test_s2_a_revoked_token_is_refused_and_no_other(tmp_path: Path) -> None:
    taken_back, other = (mint(keys.secret_key(SECRET), "ada", [], 60) for _ in range(2))
    token_id = configured(secret=SECRET).verify(taken_back).token_id
    file = tmp_path / "revoked"
    file.write_text(f"# stolen\n{token_id} # 2026\n\n")
    judging = configured(secret=SECRET, revoked_file=str(file))
    assert judging.verify(other).user_id == "ada"
    with pytest.raises(AuthFailed):
        judging.verify(taken_back)


@pytest.mark.parametrize("token_id", [5, ["a"], {"a": 1}])
def test_s2_a_token_id_that_is_no_string_is_refused(token_id: Any) -> None:
    claims = jwt.decode(mint(keys.secret_key(SECRET), "ada", [], 60), options={"verify_signature": False})
    with pytest.raises(AuthFailed):
        configured(secret=SECRET).verify(jwt.encode(claims | {"jti": token_id}, SECRET))


def test_files_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff")
    for settings, output in (
        ({"revoked_file": str(tmp_path / "none")}, "tokens.revoked_file .*No such file or directory; give a file"),
        ({"revoked_file": str(tmp_path / "latin")}, "is not text"),
        ({"jwks_file": str(tmp_path / "latin")}, "is not a JWKS document"),
    ):
        with pytest.raises(ConfigError, match=output):
            configured(secret=SECRET, **settings)


def test_no_key_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not set; set it"):
        verifier(Config())
