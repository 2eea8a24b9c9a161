"""Servers that are wrong in what a token permits."""

from typing import Any

import msgspec

from bodhisattva.servers.core.auth import tokens
from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.service import Service
from bodhisattva.suites.meta.inject import Inject, mutant


class Beginnings(frozenset[str]):
    """Has in common with a set whatever begins like one of its elements."""

    def __rand__(self, others: frozenset[str]) -> bool:  # type: ignore[misc]
        return any(other.startswith(own) for own in self for other in others)

    def __or__(self, others: frozenset[str]) -> "Beginnings":  # type: ignore[override]
        return Beginnings({*self, *others})


@mutant("AUTH-033", wrong="takes a permission that only begins like the right one", failure="was not refused")
def matches_parts_of_permissions(inject: Inject) -> None:
    made = Permissions.__init__

    def make(permissions: Permissions, service: Service) -> None:
        made(permissions, service)
        for name in ("_admin", "_write", "_read"):
            setattr(permissions, name, Beginnings(getattr(permissions, name)))

    inject(Permissions, "__init__", make)


@mutant("AUTH-036", wrong="opens every channel to who may read those of one kind", failure="was not refused")
def opens_all_channels_to_readers_of_one_kind(inject: Inject) -> None:
    check = Permissions.check_channel

    def check_any(permissions: Permissions, identity: Identity, channel: str) -> None:
        if "workflow:read" not in identity.permissions:
            check(permissions, identity, channel)

    inject(Permissions, "check_channel", check_any)


@mutant(
    "AUTH-006",
    wrong="ignores permissions on channels",
    failure="subscribe was not refused",
    also=("AUTH-033", "AUTH-035", "AUTH-041"),
)
def opens_every_channel(inject: Inject) -> None:
    def check_existence(permissions: Permissions, _identity: Identity, channel: str) -> None:
        permissions._service.channel_kind(channel)

    inject(Permissions, "check_channel", check_existence)


@mutant("AUTH-035", wrong="shows a user's private channel to others", failure="subscribe was not refused")
def shows_private_channels(inject: Inject) -> None:
    check = Permissions.check_channel

    def check_as_owner(permissions: Permissions, identity: Identity, channel: str) -> None:
        owner = permissions._service.channel_kind(channel).id_of(channel)
        check(permissions, msgspec.structs.replace(identity, user_id=owner), channel)

    inject(Permissions, "check_channel", check_as_owner)


@mutant("AUTH-031", wrong="executes commands of users who may only read", failure="was not refused")
def lets_readers_write(inject: Inject) -> None:
    inject(Permissions, "check_command", Permissions.check_query)


@mutant("AUTH-004", wrong="lets a user do everything whose token allows nothing", failure="was not refused")
def permits_everything_to_empty_permissions(inject: Inject) -> None:
    command = Permissions.check_command

    def check(permissions: Permissions, identity: Identity) -> None:
        if identity.permissions:
            command(permissions, identity)

    inject(Permissions, "check_command", check)


@mutant(
    "AUTH-030",
    wrong="answers queries whatever the token allows",
    failure="was not refused",
    also=(
        "AUTH-033",
        "AUTH-041",
    ),
)
def answers_queries_without_permission(inject: Inject) -> None:
    def allow(*_: object) -> None:
        """Permit every query."""

    inject(Permissions, "check_query", allow)


@mutant("AUTH-034", wrong="ignores the permission to administer one service", failure="FORBIDDEN")
def ignores_its_own_admin_permission(inject: Inject) -> None:
    listed = tokens._permissions

    def without_own_admin(claim: object) -> frozenset[str]:
        return frozenset(each for each in listed(claim) if not each.endswith(":admin"))

    inject(tokens, "_permissions", without_own_admin)


@mutant(
    "CROSS-003",
    wrong="takes the administrator of one service for that of every service",
    failure="was not refused",
    also=("AUTH-033",),
)
def accepts_admins_of_other_services(inject: Inject) -> None:
    permissions = tokens._permissions

    def admin_of_all(claim: Any) -> frozenset[str]:
        allowed = permissions(claim)
        return allowed | {"admin"} if any(each.endswith(":admin") for each in allowed) else allowed

    inject(tokens, "_permissions", admin_of_all)


@mutant("AUTH-032", wrong="takes permissions that are a string for a list of one", failure="was not refused")
def accepts_permissions_that_are_a_string(inject: Inject) -> None:
    listed = tokens._permissions

    def one_or_more(claim: Any) -> frozenset[str]:
        return listed([claim] if isinstance(claim, str) else claim)

    inject(tokens, "_permissions", one_or_more)
