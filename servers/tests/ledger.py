"""A service for tests of the core: accounts with balances, and waving, which nobody records."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.domain import Context, Decision, Event, Join, Leave
from bodhisattva.servers.core.errors import Conflict, NotFound
from bodhisattva.servers.core.service import Bridge, ForeignEvent, Service


@dataclass
class State:
    """Balances by account, and the order in which the amounts came."""

    balances: dict[str, int] = field(default_factory=dict)
    amounts: list[int] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        if event.data["amount"] == UNAPPLICABLE:
            raise KeyError("cannot be applied")
        account = event.data["account"]
        self.balances[account] = self.balances.get(account, 0) + event.data["amount"]
        self.amounts.append(event.data["amount"])


UNAPPLICABLE = 13


class Post(msgspec.Struct, frozen=True):
    """note: comes back in the event, to make it as large as a test wants."""

    account: str
    amount: int
    note: str | None = None


class Account(msgspec.Struct, frozen=True):
    account: str


class Words(msgspec.Struct, frozen=True):
    words: str = ""


def post(state: State, data: Post, context: Context) -> Decision:
    """Add to an account; no balance may become negative."""
    balance = state.balances.get(data.account, 0) + data.amount
    if balance < 0:
        raise Conflict("The balance would be negative.", field="amount", expected=0)
    posted: dict[str, Any] = {"account": data.account, "amount": data.amount}
    if data.note is not None:
        posted["note"] = data.note
    event = Event("posted", (f"account:{data.account}",), posted)
    return Decision({"balance": balance, "id": context.new_id()}, (event,))


def wave(state: State, data: Account, context: Context) -> Decision:
    event = Event("waved", (f"waves:{data.account}",), {"by": context.user_id})
    return Decision({"status": "waved", "id": context.new_id()}, ephemeral=(event,))


def enter(state: State, data: Account, context: Context) -> Decision:
    channel = f"waves:{data.account}"
    info = {"name": context.user_id}
    return Decision(
        {"status": "in"}, ephemeral=(Event("entered", (channel,), info),), membership=(Join(channel, info),)
    )


def leave(state: State, data: Account, context: Context) -> Decision:
    return Decision({"status": "out"}, membership=(Leave(f"waves:{data.account}"),))


def break_down(state: State, data: Words, context: Context) -> Decision:
    raise RuntimeError(f"secret detail of /etc/passwd: {data.words}")


def stray(state: State, data: Words, context: Context) -> Decision:
    """An event on a channel that is not for recorded events."""
    return Decision({}, (Event("stray", ("waves:a",), {"account": "a", "amount": 1}),))


def balance(state: State, data: Account, context: Context) -> dict[str, Any]:
    if data.account not in state.balances:
        raise NotFound("There is no such account.", field="account")
    return {"balance": state.balances[data.account], "amounts": state.amounts}


def crash(state: State, data: Words, context: Context) -> dict[str, Any]:
    raise RuntimeError(f"secret detail of /etc/passwd: {data.words}")


def repost(state: State, event: ForeignEvent, context: Context) -> Decision:
    amount = event.data["amount"]
    return Decision({}, (Event("posted", ("account:reposted",), {"account": "reposted", "amount": amount}),))


def parted(channel: str, info: dict[str, Any]) -> Event:
    return Event("left", (channel,), info)


def service(*bridges: Bridge) -> Service:
    return Service(
        name="ledger",
        server="ledger-server",
        port=0,
        purpose="tests of the core",
        state=State,
        channels=(
            ChannelKind("account:", permissions=("account:read",)),
            ChannelKind("waves:", persisted=False),
            ChannelKind("mine:", private=True),
        ),
        commands=(post, wave, enter, leave, break_down, stray),
        per_connection=(enter,),
        queries=(balance, crash),
        parted=parted,
        bridges=bridges,
    )


LEDGER = service()
