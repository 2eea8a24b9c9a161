"""The verifier of tokens that a configuration describes, with the keys and revocations of its files."""

from collections.abc import Container
from pathlib import Path

from bodhisattva.servers.core import config as configuration
from bodhisattva.servers.core.addresses import is_loopback
from bodhisattva.servers.core.auth import keys
from bodhisattva.servers.core.auth.keys import BadKey, Key, KeyRing
from bodhisattva.servers.core.auth.revocations import Revoked, read_file
from bodhisattva.servers.core.auth.tokens import Verifier
from bodhisattva.servers.core.config import Config, ConfigError, Tokens


def verifier(config: Config, shared: Container[str | None] = ()) -> Verifier | None:
    """None where authentication is off; ConfigError if the configuration is unsafe or a file of it cannot be used.

    shared: names that were revoked at any replica, besides those of the file.
    """
    if config.auth == "disabled":
        if not is_loopback(config.host):
            raise ConfigError(f"auth: disabled is for loopback only, not for host {config.host}; set tokens.secret")
        return None
    settings = config.tokens
    try:
        return Verifier(
            KeyRing(_keys(config)),
            revoked=Revoked(read_file(settings), shared),
            audience=settings.audience,
            max_lifetime=settings.max_lifetime,
            leeway=settings.leeway,
        )
    except BadKey as error:
        raise ConfigError(str(error)) from None


def files(tokens: Tokens) -> list[str]:
    """The files that are read again when they change."""
    named = (tokens.secret_file, tokens.public_key, tokens.jwks_file, tokens.revoked_file)
    return [name for name in named if name is not None]


def signing_key(config: Config, file: Path | None) -> Key:
    """What tokens are minted with: the private key of a PEM file, or else the configured secret."""
    if file is not None:
        return keys.read_signing_key(file)
    secret = configuration.secret(config)
    if secret is None:
        raise ConfigError("tokens.secret is not set; set BODHISATTVA_TOKENS__SECRET, or give --config or --key")
    return keys.secret_key(secret)


def _keys(config: Config) -> list[Key]:
    found: list[Key] = []
    secret = configuration.secret(config)
    if secret is not None:
        found.append(keys.secret_key(secret))
    if config.tokens.public_key is not None:
        found.append(keys.read_public_key(Path(config.tokens.public_key)))
    if config.tokens.jwks_file is not None:
        found.extend(keys.read_jwks(Path(config.tokens.jwks_file)))
    if not found and config.tls.client_user is None:
        raise ConfigError(
            "tokens.secret is not set; set it (32 bytes or more), tokens.public_key or tokens.jwks_file, "
            "or `auth: disabled` on loopback"
        )
    return found
