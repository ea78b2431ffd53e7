"""Findings as lists: filtered, grouped by cause, the new ones first. The number of queries does not depend on how many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from sharing.models import Actor, Finding, Weight
from sharing.policy import services as known_services
from sharing.policy.findings import RULES

from .settling import title_of

_COVERAGE = {"not-read": "nobody asked for it", "never": "not read yet", "failed": "the last read failed"}
#: More than the side bar shows: it says 999+.
BADGE = 1_000
STATUSES = ("open", "accepted", "closed", "all")


@dataclass(frozen=True)
class Asked:
    """What one wants to see. Empty means everything; `status` open leaves out what is accepted."""

    text: str = ""
    severity: int = 0
    rule: str = ""
    cause: str = ""
    account: str = ""
    owner: str = ""
    status: str = "open"
    since: datetime | None = None


@dataclass(frozen=True)
class Group:
    """Findings of one rule and cause. `fresh`: how many are new; `unsure`: how many depend; `only`: the one, if it is one."""

    rule: str
    cause: str
    title: str
    label: str
    worst: int
    many: int
    fresh: int
    unsure: int
    newest: datetime
    only: Finding | None = None
    owner: str = ""


@dataclass(frozen=True)
class Summary:
    """How many are open, by weight; how many of them are new; how many are accepted."""

    open: int
    fresh: int
    accepted: int
    by_weight: Mapping[str, int] = field(default_factory=dict)


def find(by: Actor, asked: Asked, *, now: datetime) -> QuerySet[Finding]:
    """The findings in the actor's scope that were asked for."""
    found = Finding.objects.visible_to(by)
    match asked.status:
        case "open":
            found = found.open(now)
        case "accepted":
            found = found.accepted(now)
        case "closed":
            found = found.closed()
    if asked.severity:
        found = found.filter(severity=asked.severity)
    for name in ("rule", "cause"):
        if value := getattr(asked, name):
            found = found.filter(**{name: value})
    if asked.account:
        by_digits = asked.account.isascii() and asked.account.isdigit()
        found = (
            found.filter(account__number=asked.account) if by_digits else found.filter(account__name__icontains=asked.account)
        )
    if asked.owner:
        found = found.filter(owner=None) if asked.owner == "nobody" else found.filter(owner__email=asked.owner)
    if asked.since:
        found = found.filter(opened_at__gt=asked.since)
    for word in asked.text.split()[:8]:
        found = found.filter(
            Q(text__icontains=word) | Q(subject__icontains=word) | Q(sid__icontains=word) | Q(account__name__icontains=word)
        )
    return found


def in_order(found: QuerySet[Finding]) -> QuerySet[Finding]:
    """The worst first, then the newest."""
    return found.order_by("-severity", "-opened_at", "id")


class NewFirst:
    """The findings in order, the new ones before the others; to be counted and sliced, as a paginator does.

    Two queries in place of one sorted by "is it new": the database then walks an index and stops at the end of the page.
    """

    ordered = True

    def __init__(self, found: QuerySet[Finding], *, since: datetime, many: int | None = None) -> None:
        """`many`: how many there are, where that was counted already."""
        self._found, self._many = found, many
        shown = in_order(found).select_related("account", "function__account", "policy__function", "owner")
        self._new, self._known = shown.filter(opened_at__gt=since), shown.filter(opened_at__lte=since)

    def count(self) -> int:
        """How many."""
        if self._many is None:
            self._many = self._found.count()
        return self._many

    def __getitem__(self, wanted: slice) -> list[Finding]:
        new = list(self._new[wanted])
        start, stop = wanted.start or 0, wanted.stop
        if len(new) == stop - start:
            return new
        before = self._new.count() if start and not new else start + len(new)
        return new + list(self._known[max(0, start - before) : stop - before])


class Grouped:
    """The groups, new ones first, then the worst; to be counted and sliced. One query, however they are put together.

    by: "cause" keeps the causes of a rule apart, "rule" leaves them together ("" as cause). Each is a dictionary: rule, cause,
    many, worst, fresh, unsure, newest.
    """

    ordered = True

    def __init__(self, found: QuerySet[Finding], *, since: datetime, by: str = "cause") -> None:
        self.counts = _counted(found, since=since)
        merged: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self.counts:
            key = (row["rule"], row["cause"] if by == "cause" else "")
            group = merged.setdefault(key, {"many": 0, "worst": 0, "fresh": 0, "unsure": 0, "newest": row["newest"]})
            for name in ("many", "fresh", "unsure"):
                group[name] += row[name]
            group["worst"] = max(group["worst"], row["severity"])
            group["newest"] = max(group["newest"], row["newest"])
        rows = [{"rule": rule, "cause": cause, **group} for (rule, cause), group in merged.items()]
        self._rows = sorted(rows, key=lambda row: (not row["fresh"], -row["worst"], -row["many"], row["rule"], row["cause"]))

    def count(self) -> int:
        """How many groups."""
        return len(self._rows)

    def __getitem__(self, wanted: slice) -> list[dict[str, Any]]:
        return self._rows[wanted]


def _counted(found: QuerySet[Finding], *, since: datetime) -> list[dict[str, Any]]:
    """By rule, cause and weight, as an index has them: one walk over it, and no look at the rows."""
    counted: QuerySet[Any, Any] = (
        found.order_by()
        .values("rule", "cause", "severity")
        .annotate(
            many=Count("*"),
            fresh=Count("severity", filter=Q(opened_at__gt=since)),
            unsure=Count("severity", filter=Q(certain=False)),
            newest=Max("opened_at"),
        )
    )
    return list(counted)


def with_words(rows: Iterable[Mapping[str, Any]], found: QuerySet[Finding], names: Mapping[str, str]) -> list[Group]:
    """The groups of one page with words, the finding where it is one alone, the owner where all have one. Two queries."""
    page = [{"cause": "", **row} for row in rows]
    single = Q(pk=None)
    for row in page:
        which = Q(rule=row["rule"], cause=row["cause"]) if row["cause"] else Q(rule=row["rule"])
        single |= which if row["many"] == 1 else Q(pk=None)
    by_rule = any(not row["cause"] for row in page)
    only = {
        (one.rule, "" if by_rule else one.cause): one
        for one in found.filter(single).order_by().select_related("account", "function__account", "policy__function")
    }
    owners: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    owned = found.filter(owner__isnull=False).order_by()
    counted = owned.values_list("rule", "cause", "owner__name", "owner__email").annotate(many=Count("*"))
    for rule, cause, name, email, many in counted:
        owners.setdefault((rule, "" if by_rule else cause), []).append((name, email, many))
    groups = []
    for row in page:
        key = (row["rule"], row["cause"])
        groups.append(
            Group(
                row["rule"],
                row["cause"],
                title_of(row["rule"]),
                cause_label(row["cause"], names),
                row["worst"],
                row["many"],
                row["fresh"],
                row["unsure"],
                row["newest"],
                only.get(key),
                _owner(owners.get(key, []), row["many"]),
            )
        )
    return groups


def _owner(found: list[tuple[str, str, int]], many: int) -> str:
    if not found:
        return ""
    if len(found) == 1 and found[0][2] == many:
        return found[0][0] or found[0][1]
    return "several"


def cause_label(cause: str, names: Mapping[str, str]) -> str:
    """What the findings of a group have in common, in people's words; "" where the rule says it all."""
    kind, _, rest = cause.partition(":")
    match kind:
        case "everyone":
            return "" if not rest else f"by {rest}"
        case "service":
            return known_services.label(rest) if rest != "*" else "any AWS service"
        case "who" | "unknown":
            word, _, value = rest.partition(" ")
            number = value if word == "account" else rest
            return names.get(number) or (_spaced(number) if number.isdigit() else number.removeprefix("organisation "))
        case "list":
            return f"a list of them on {rest}"
        case "ghost" | "deny":
            return rest
        case "action":
            return rest
        case "url":
            return {"everyone": "for everyone", "named": "for named accounts"}.get(rest, f"type {rest}")
        case "coverage":
            return _COVERAGE.get(rest, rest)
        case "connection":
            return rest
    return ""


def _spaced(number: str) -> str:
    return " ".join((number[:4], number[4:8], number[8:]))


def summary(by: Actor, *, since: datetime, now: datetime, asked: Asked | None = None) -> Summary:
    """The numbers of the card and of the list's head; `asked`: of one rule and cause only. Two queries."""
    mine = Finding.objects.visible_to(by)
    if asked is not None and asked.cause:
        mine = mine.filter(cause=asked.cause, **({"rule": asked.rule} if asked.rule else {}))
    fresh = Count("severity", filter=Q(opened_at__gt=since))
    rows = mine.open(now).order_by().values("severity").annotate(many=Count("*"), fresh=fresh)
    return _summed(list(rows), mine.accepted(now).count())


def is_summed(asked: Asked) -> bool:
    """Whether what is asked for is what `summary` counts as open: everything, or one cause."""
    return asked == (Asked(rule=asked.rule, cause=asked.cause) if asked.cause else Asked())


def summary_of(grouped: Grouped, by: Actor, *, now: datetime) -> Summary:
    """The same from groups of everything that is open: they were counted already. One query."""
    return _summed(grouped.counts, Finding.objects.visible_to(by).accepted(now).count())


def _summed(rows: Iterable[Mapping[str, Any]], accepted: int) -> Summary:
    many = dict.fromkeys(sorted(Weight, reverse=True), 0)
    fresh = 0
    for row in rows:
        many[Weight(row["severity"])] += row["many"]
        fresh += row["fresh"]
    by_weight = {weight.name.lower(): count for weight, count in many.items()}
    return Summary(open=sum(many.values()), fresh=fresh, accepted=accepted, by_weight=by_weight)


def badge(by: Actor, *, now: datetime) -> QuerySet[Finding, Any]:
    """What the number in the side bar counts: findings that are open and nobody bears, no more of them than it can show."""
    return Finding.objects.visible_to(by).open(now).order_by().values("pk")[:BADGE]


def rules() -> list[tuple[str, str]]:
    """Codes and titles, for choosing."""
    return sorted(((rule.code, rule.title) for rule in RULES.values()), key=lambda one: one[1])
