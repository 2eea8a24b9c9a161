"""`bodhisattva token …`: mint and revoke tokens."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.options import CONFIG, one_line

if TYPE_CHECKING:
    from bodhisattva.servers.core.auth.revocations import RevocationStore


class Minting(click.Group):
    """A group with `mint` as the default command: `bodhisattva token alice`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args.insert(0, "mint")
        return super().parse_args(ctx, args)


@click.group(cls=Minting)
def token() -> None:
    """Mint or revoke a token.

    \b
      bodhisattva token alice -p akosha:read      the same as `token mint alice -p akosha:read`
      bodhisattva token revoke 3f0c…              the token whose `jti` that is
    """


@token.command()
@click.argument("user")
@click.option("--permission", "-p", "permissions", multiple=True, help="Such as akosha:read; may be repeated.")
@click.option("--lifetime", type=click.FloatRange(1), default=3600.0, show_default=True, help="Seconds.")
@click.option("--audience", help="The `aud` claim.")
@click.option("--key", type=click.Path(path_type=Path), help="PEM private key to sign with instead of the secret.")
@click.option("--kid", help="Name of the key, for the token's header.")
@CONFIG
@one_line
def mint(
    user: str,
    permissions: tuple[str, ...],
    lifetime: float,
    audience: str | None,
    key: Path | None,
    kid: str | None,
    file: Path | None,
) -> None:
    """Mint and print a token for USER.

    It is signed with --key, or else the configured secret. Without a permission it authenticates and opens nothing.
    """
    from bodhisattva.servers.core import config as configuration
    from bodhisattva.servers.core.auth import tokens, verification

    if not tokens.names_a_user(user):
        raise configuration.ConfigError(f"{user[:50]!r} is no user; give a name of 1 to 200 printable characters")
    config = configuration.load("", file)
    longest = config.tokens.max_lifetime
    if not lifetime <= longest:  # nor is `nan`
        raise configuration.ConfigError(f"--lifetime {lifetime:g} is over tokens.max_lifetime {longest:g}")
    signing = verification.signing_key(config, key)._replace(kid=kid)
    minted = tokens.mint(signing, user, list(permissions), lifetime, audience=audience or config.tokens.audience)
    click.echo(minted)


@token.command()
@click.argument("names", nargs=-1, required=True, metavar="JTI...")
@click.option("--until", help="When it ends by itself, such as 2026-12-31T12:00:00Z; default: when every token has.")
@CONFIG
@one_line
def revoke(names: tuple[str, ...], until: str | None, file: Path | None) -> None:
    """Revoke tokens before their expiry.

    JTI is the token's claim of that name, or `certificate:` and the serial number of a client certificate. Services
    refuse it from then on, and end the connections that live on it: in about a second, at all replicas where they
    share a log in Redis, or else where tokens.revoked_file is the same file. It is written down wherever one of the
    services looks, with the settings that `serve` would give it.
    """
    from bodhisattva.servers import fleet
    from bodhisattva.servers.core import config as configuration
    from bodhisattva.servers.core.auth import revocation_stores

    for name in names:
        if not name.strip() or not name.isprintable() or "#" in name:
            raise configuration.ConfigError(f"{name!r} is no jti; give the value of `jti` in the token's claims")
    end = _moment(until) if until is not None else None
    configs = fleet.configurations(file)
    stores = revocation_stores.stores(configs.values())
    if not stores:
        raise configuration.ConfigError("there is nowhere to revoke; set tokens.revoked_file, or share a log in Redis")
    asyncio.run(_revoke(stores, names, end))
    if without := [service for service, config in configs.items() if not revocation_stores.has_store(config)]:
        click.echo(f"bodhisattva: not revoked at {', '.join(without)}, which have no tokens.revoked_file", err=True)


async def _revoke(stores: Sequence["RevocationStore"], names: tuple[str, ...], end: float | None) -> None:
    """Revoke at every keeper; Refused with the keepers that failed."""
    problems = []
    for store in stores:
        try:
            await store.revoke(names, end)
        except Refused as problem:
            problems.append(str(problem))
        finally:
            await store.close()
    if problems:
        raise Refused("; ".join(problems))


def _moment(text: str) -> float:
    """Seconds since 1970; a time without an offset is UTC."""
    from bodhisattva.servers.core.config import ConfigError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--until {text} is no time; write it like 2026-12-31T12:00:00Z") from None
    seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    if seconds <= time.time():
        raise ConfigError(f"--until {text} has passed; what has ended by itself needs no revocation")
    return seconds
