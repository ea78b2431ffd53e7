"""Who can invoke what, for the command: every way in by policy, and what was not looked at."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from sharing.models import Actor, Exposure, Function, Mapping, Policy, Reading
from sharing.policy import ArnError, FunctionArn, parse
from sharing.services import syncing
from sharing.services.errors import Refusal

from .finding import find_function, find_policy
from .principals import Names

_INVOKE = ("invoke", "invoke-url")
_ORDER = ("function__account__name", "function__region", "function__name", "qualifier")


@dataclass(frozen=True)
class Way:
    """One way in to one function, alias or version: who, by which statements, how widely, hanging on what."""

    policy: Policy
    exposure: Exposure
    label: str
    sids: tuple[str, ...]

    @property
    def safe(self) -> bool:
        """Neither public nor open, for certain. Depends is not safe."""
        return self.exposure.public == "no" and self.exposure.open_service == "no"


@dataclass(frozen=True)
class Invocable:
    """The answer. `coverage` says what was not looked at: "nobody" is never said without it. `unread`: policies never
    read, or not readable any more (their last known ways are listed, stale).
    `gaps`: a region that should be read was not, or not completely. `mappings`: event source mappings, which run a function
    by no statement.
    """

    functions: tuple[Function, ...]
    ways: tuple[Way, ...]
    unread: tuple[Policy, ...]
    coverage: tuple[str, ...]
    gaps: bool = False
    mappings: tuple[Mapping, ...] = ()

    @property
    def by_function(self) -> dict[uuid.UUID, tuple[Way, ...]]:
        """The ways by function id."""
        found: dict[uuid.UUID, list[Way]] = {}
        for way in self.ways:
            found.setdefault(way.policy.function_id, []).append(way)
        return {key: tuple(ways) for key, ways in found.items()}

    @property
    def unread_by_function(self) -> dict[uuid.UUID, list[Policy]]:
        """The unread policies by function id."""
        found: dict[uuid.UUID, list[Policy]] = {}
        for policy in self.unread:
            found.setdefault(policy.function_id, []).append(policy)
        return found

    @property
    def mappings_by_function(self) -> dict[uuid.UUID, list[Mapping]]:
        """The event source mappings by function id."""
        found: dict[uuid.UUID, list[Mapping]] = {}
        for mapping in self.mappings:
            found.setdefault(mapping.function_id, []).append(mapping)
        return found

    @property
    def public(self) -> int:
        """Ways that are public, for certain or perhaps."""
        return sum(way.exposure.public != "no" for way in self.ways)

    @property
    def open_services(self) -> int:
        """Ways by which any account can drive the function through a service, for certain or perhaps."""
        return sum(way.exposure.open_service != "no" for way in self.ways)


def who_can_invoke(*, by: Actor, function_arn: str = "") -> Invocable:
    """Everyone whom policies let invoke, by API or by URL: of one function with its aliases and versions (or of exactly the
    qualified form that is named), or of all in scope. Raises Refusal and NotFound for an ARN that names nothing,
    or what AWS does not list any more."""
    functions = Function.objects.visible_to(by).filter(vanished_at=None).select_related("account")
    qualifier = ""
    if function_arn:
        try:
            arn = FunctionArn.parse(function_arn)
        except ArnError:
            find_policy(function_arn, by=by)  # says what is wrong with it
            raise
        qualifier = arn.qualifier or ""
        asked = find_function(arn, by=by)
        functions = functions.filter(pk=asked.pk)
        gone = asked.vanished_at is not None
        if qualifier and not gone:
            gone = find_policy(function_arn, by=by).vanished_at is not None
        if gone:  # "nobody" would be true and mislead: what is made anew under this name starts with other policies
            raise Refusal(
                f"AWS does not list {asked.name}{':' if qualifier else ''}{qualifier} any more.",
                next="Sync the account to see what is there now.",
                code="gone",
            )
    policies = Policy.objects.filter(function__in=functions, vanished_at=None)
    if qualifier:
        policies = policies.filter(qualifier=qualifier)
    found = list(functions.order_by("account__name", "region", "name"))
    ways = _ways(policies)
    unread = policies.filter(Q(reading=Reading.UNREAD) | Q(unread_since__isnull=False)).select_related("function__account")
    coverage, gaps = _coverage(by, found)
    mappings = Mapping.objects.present().filter(function__in=functions)
    if qualifier:
        mappings = mappings.filter(qualifier=qualifier)
    return Invocable(tuple(found), ways, tuple(unread), coverage, gaps, tuple(mappings))


def _ways(policies: QuerySet[Policy]) -> tuple[Way, ...]:
    rows = list(
        Exposure.objects.filter(policy__in=policies, action_class__in=_INVOKE)
        .select_related("policy__function__account", "policy__current")
        .order_by(*(f"policy__{key}" for key in _ORDER), "pk")
    )
    names = Names.of(row.account for row in rows)
    statements: dict[object, tuple[str, ...]] = {}
    for row in rows:
        if row.policy_id not in statements:
            current = row.policy.current
            document = parse(current.document or None if current else None)
            statements[row.policy_id] = tuple(one.name for one in document.statements)
    return tuple(_way(row, names, statements[row.policy_id]) for row in rows)


def _way(row: Exposure, names: Names, statements: tuple[str, ...]) -> Way:
    return Way(row.policy, row, names.label(row.kind, row.principal, row.account), _names(row, statements))


def _names(row: Exposure, statements: tuple[str, ...]) -> tuple[str, ...]:
    places = [place for place in row.details.get("statements", []) if isinstance(place, int) and place < len(statements)]
    return tuple(statements[place] for place in places)


def _coverage(by: Actor, functions: list[Function]) -> tuple[tuple[str, ...], bool]:
    """What this answer does not know, one sentence each; whether a region that should be read was not, completely."""
    gaps = False
    places = {(function.account_id, function.region) for function in functions}
    lines = []
    for one in syncing.coverage(by):
        if one.complete or (functions and (one.account.pk, one.region) not in places and len(functions) == 1):
            continue
        gaps = gaps or one.covered != syncing.Covered.NOT_READ
        since = f"Last read completely {one.read_at:%Y-%m-%d %H:%M} UTC." if one.read_at else "Never read completely."
        lines.append(f"{one.account} {one.region}: {(one.reason or one.covered.value).rstrip('.')}. {since}")
    unlooked = sum(function.details_read_at is None for function in functions)
    if unlooked:
        lines.append(f"The policies of published versions of {unlooked:,} of {len(functions):,} functions were not read yet.")
    unaddressed = sum(function.urls is None for function in functions)
    if unaddressed:
        lines.append(f"The function URLs of {unaddressed:,} of {len(functions):,} functions were not read yet.")
    unmapped = sum(function.mappings_read_at is None for function in functions)
    if unmapped:
        lines.append(f"The event source mappings of {unmapped:,} of {len(functions):,} functions were not read yet.")
    lines.append(
        "Not looked at: identity policies and role trusts inside the owner accounts, who may write to what functions poll, "
        "and what else the consumers' own accounts allow or forbid."
    )
    return tuple(lines), gaps
