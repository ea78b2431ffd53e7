"""One list of who has access to a function, its aliases and its versions. The number of queries is always the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.models import Actor, Check, Function, Grant, GrantState, Policy, Qualifier, Reading
from sharing.models.grant import LIVE
from sharing.policy import Document, Exposure, exposures, parse
from sharing.services.errors import NotFound

from .judging import Judged, judge
from .principals import Names, numbers_in
from .rows import AccessRow
from .telling import Told, of_grant_row, of_statement, unread_row

#: A grant that is over stays in the list for this long, so that it can be seen to have ended and be undone.
_SHOWN_AFTERWARDS = timedelta(hours=24)
_OVER = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.FAILED)


@dataclass(frozen=True)
class _Place:
    """One policy with its document and what it lets in."""

    policy: Policy
    words: str
    document: Document
    exposures: list[Exposure]


def of_function(function: Function, *, by: Actor) -> list[AccessRow]:
    """Grants and found statements alike, Deny as Deny, unread policies by name. Raises NotFound out of scope.

    Grants that ended stay for a day, vanished ones until they are restored.
    """
    if not by.sees(function.account_id):
        raise NotFound("That function")
    return _rows(function, _grants_shown(function))


def of_grant(grant: Grant, *, by: Actor) -> AccessRow | None:
    """The line of one grant, however long it is over. Raises NotFound out of scope."""
    function = grant.policy.function
    if not by.sees(function.account_id):
        raise NotFound("That grant")
    rows = _rows(function, Grant.objects.filter(pk=grant.pk), only=grant.policy)
    return next((row for row in rows if row.grant is not None and row.grant.pk == grant.pk), None)


def _grants_shown(function: Function) -> QuerySet[Grant]:
    restored = Q(undone_by__state__in=LIVE)
    lately = Q(state__in=_OVER, settled_at__gte=timezone.now() - _SHOWN_AFTERWARDS)
    shown = Q(state__in=LIVE) | (lately & ~restored) | (Q(state=GrantState.VANISHED) & ~restored)
    return Grant.objects.filter(shown, policy__function=function).distinct()


def _rows(function: Function, found: QuerySet[Grant], *, only: Policy | None = None) -> list[AccessRow]:
    now = timezone.now()
    grants = list(found.select_related("requested_by", "revoked_by", "undo_of"))
    open_checks = set(Check.objects.open().filter(grant__in=[one.pk for one in grants]).values_list("grant_id", flat=True))
    places = _places(function, {one.policy_id for one in grants}, now, only)
    statements = [statement for place in places for statement in place.document.statements]
    numbers = numbers_in(statements) | {one.principal_account for one in grants}
    numbers |= {one.account for place in places for one in place.exposures if one.account}
    names = Names.of(numbers)
    by_policy: dict[object, list[Grant]] = {}
    for one in grants:
        by_policy.setdefault(one.policy_id, []).append(one)
    rows: list[AccessRow] = []
    for place in places:
        told = Told(place.policy, place.words, names, frozenset(open_checks))
        rows += _of_place(place, by_policy.get(place.policy.pk, []), told, now)
    return rows


def _of_place(place: _Place, grants: list[Grant], told: Told, now: datetime) -> list[AccessRow]:
    live = [one for one in grants if one.state in LIVE]
    over = [one for one in grants if one.state not in LIVE]
    held = {statement.sid: statement for statement in place.document.statements if statement.sid}
    judged = judge(place.exposures)
    rows: list[AccessRow] = []
    if place.policy.reading == Reading.UNREAD or place.policy.unread_since or place.document.problem:
        rows.append(unread_row(told, place.document.problem or ""))
    for one in sorted(live, key=lambda grant: (grant.created_at, grant.pk.hex), reverse=True):
        stored = held.get(one.sid)
        about = judged.get(stored.index, Judged()) if stored else _unwritten(place, one, now)
        rows.append(of_grant_row(told, one, stored, about))
    ours = {one.sid for one in live}
    for statement in place.document.statements:
        if not statement.sid or statement.sid not in ours or statement is not held.get(statement.sid):
            rows.append(of_statement(told, statement, judged.get(statement.index, Judged()), place.document))
    for one in sorted(over, key=lambda grant: (grant.settled_at or grant.created_at, grant.pk.hex), reverse=True):
        rows.append(of_grant_row(told, one, None, _unwritten(place, one, now)))
    return rows


def _unwritten(place: _Place, grant: Grant, now: datetime) -> Judged:
    """What a statement that AWS does not hold (yet, or any more) would let in."""
    document = parse({"Version": "2012-10-17", "Statement": [grant.statement]})
    return judge(_exposures(place.policy, document, now)).get(0, Judged())


def _places(function: Function, with_grants: set[object], now: datetime, only: Policy | None) -> list[_Place]:
    wanted = Q(vanished_at=None) | Q(pk__in=with_grants)
    policies = function.policies.filter(wanted).select_related("current")
    if only is not None:
        policies = policies.filter(pk=only.pk)
    targets: Mapping[str, Qualifier] = {one.name: one for one in function.qualifiers.all()}
    places = []
    for policy in policies:
        policy.function = function
        document = parse(policy.current.document or None if policy.current else None)
        words = words_of_place(policy.qualifier, targets.get(policy.qualifier))
        places.append(_Place(policy, words, document, _exposures(policy, document, now)))
    return sorted(places, key=lambda place: order_of_places(place.policy.qualifier))


def _exposures(policy: Policy, document: Document, now: datetime) -> list[Exposure]:
    urls = policy.function.urls
    return exposures(
        document,
        function_arn=policy.arn,
        owner_account=policy.function.account.number,
        url_auth=None if urls is None else str(urls.get(policy.qualifier, "")),
        at=now,
    )


def words_of_place(qualifier: str, known: Qualifier | None) -> str:
    """The function itself, an alias with its target, or a version, in words."""
    if not qualifier:
        return "the function itself"
    if qualifier.isdigit():
        return f"version {qualifier}"
    return f"alias {qualifier}" + (f" → version {known.points_to}" if known and known.points_to else "")


def order_of_places(qualifier: str) -> tuple[int, int, str]:
    """The function, then aliases by name, then versions from the newest."""
    if not qualifier:
        return (0, 0, "")
    return (2, -int(qualifier), "") if qualifier.isdigit() else (1, 0, qualifier)
