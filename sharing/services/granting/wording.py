"""Sentences about grants."""

from collections.abc import Mapping
from datetime import datetime

from sharing.models import Account, Grant, Policy
from sharing.policy.actions import ACTIONS

from .keeping import principal_of


def place_of(policy: Policy) -> str:
    """A function, alias or version as people say it: `hello_world`, `hello_world:live`."""
    return f"{policy.function.name}:{policy.qualifier}" if policy.qualifier else policy.function.name


def doing(action: str) -> str:
    """What an action lets them do, before the function's name: `invoke`, `replace the code of`."""
    known = ACTIONS.get(action)
    return known.verb if known else f"do {action} on"


def named(grant: Grant, names: Mapping[str, str] | None = None) -> str:
    """The grant in words: `Acme may invoke hello_world:live`."""
    if names is None:  # of an estate's thousands of names, the one that can be said
        names = dict(Account.objects.filter(number=grant.principal_account).values_list("number", "name"))
    who = principal_of(grant).label(names)
    return f"{who[:1].upper()}{who[1:]} may {doing(grant.action)} {place_of(grant.policy)}"


def until(ends_at: datetime | None) -> str:
    """An end date in words, in UTC: history is the same for every reader."""
    return f"until {ends_at:%Y-%m-%d %H:%M} UTC" if ends_at else "without an end date"
