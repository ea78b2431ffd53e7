"""What can be offered: functions in scope, and of each the aliases and versions that AWS still has."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sharing.models import Actor, Function, Policy, Qualifier, QualifierKind
from sharing.services import inventory

FOUND = 12


@dataclass(frozen=True)
class Found:
    """The first functions that match, by name, and how many match altogether."""

    functions: tuple[Function, ...]
    count: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return max(0, self.count - len(self.functions))


def search(text: str, *, by: Actor) -> Found:
    """Functions whose name, ARN or description has every word of the text. Two queries."""
    found = inventory.functions(by=by, text=text)
    shown = tuple(found[:FOUND])
    return Found(shown, len(shown) if len(shown) < FOUND else found.count())


def functions(keys: Iterable[uuid.UUID], *, by: Actor) -> dict[uuid.UUID, Function]:
    """Those of these functions that are in the actor's scope and still there. One query."""
    return {one.pk: one for one in Function.objects.visible_to(by).present().filter(pk__in=set(keys)).select_related("account")}


def places(of: Iterable[Function]) -> dict[uuid.UUID, dict[str, tuple[Policy, str]]]:
    """By function, then by qualifier: its policy and how it is called; the function first. Two queries for all of them."""
    known = {one.pk: one for one in of}
    qualifiers = {(one.function_id, one.name): one for one in Qualifier.objects.filter(function__in=known)}
    found: dict[uuid.UUID, dict[str, tuple[Policy, str]]] = {pk: {} for pk in known}
    policies = list(Policy.objects.filter(function__in=known, vanished_at=None).select_related("current"))

    def order(policy: Policy) -> tuple[int, int, str]:
        number = int(policy.qualifier) if policy.qualifier.isdigit() else 0
        return (0 if not policy.qualifier else 2 if number else 1), -number, policy.qualifier

    for policy in sorted(policies, key=order):
        policy.function = known[policy.function_id]
        qualifier = qualifiers.get((policy.function_id, policy.qualifier))
        if not policy.qualifier:
            words = "The function itself"
        elif qualifier is not None and qualifier.kind == QualifierKind.ALIAS:
            words = f"Alias {policy.qualifier}{f' → version {qualifier.points_to}' if qualifier.points_to else ''}"
        else:
            words = f"Version {policy.qualifier}"
        found[policy.function_id][policy.qualifier] = (policy, words)
    return found
