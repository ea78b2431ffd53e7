"""What changes findings without a policy being stored: trust, names, coverage, shares, the clock. The sweep's part."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.models import Account, Actor, Finding, FindingPass, FindingState, Policy
from sharing.policy import parse
from sharing.policy.findings import OF_POLICIES, VERSION
from sharing.services.organizations import known as known_members
from sharing.services.syncing.reach import url_auth
from sharing.services.trusting import Trust, trust

from .counting import count_today
from .keeping import keep_findings
from .settling import GONE, NOT_TRUE, close, give_back, settle
from .watching import WATCHED, watch

EVERY = timedelta(seconds=60)
COUNTED_EVERY = timedelta(minutes=10)
_LEASE = timedelta(minutes=5)
#: One slice of work; a worker then lets others at the queue.
_SLICE = 20.0
_CHUNK = 100
#: More policies than these, and the whole estate is judged anew, from a checkpoint on.
_FEW = 1000


def due(now: datetime) -> bool:
    """Whether the sweep should have the findings brought up to date."""
    held = FindingPass.objects.filter(pk=1).first()
    return held is None or (
        (held.at is None or held.at <= now - EVERY or bool(held.checkpoint))
        and (held.lease_until is None or held.lease_until <= now)
    )


def refresh(*, now: datetime | None = None, seconds: float = _SLICE) -> bool:
    """Bring the findings up to date. True: policies are left to be judged anew, so call it again.

    Safe to run twice, at the same time as well: one has the row, the other does nothing and says False.
    """
    now = now or timezone.now()
    row, _ = FindingPass.objects.get_or_create(pk=1)
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    if not FindingPass.objects.filter(free, pk=1).update(lease_until=now + _LEASE):
        return False
    row.refresh_from_db()
    try:
        _return_what_ended(now)
        _close_what_is_gone(now)
        _judge_what_changed(row, time.monotonic() + seconds, now)
        _watch(now)
        if row.counted_at is None or row.counted_at <= now - COUNTED_EVERY or row.counted_at.date() != now.date():
            count_today(now)
            row.counted_at = now
        row.at = now
    finally:
        row.lease_until = None
        row.save()
    return bool(row.checkpoint)


def judge_again(policy_pk: uuid.UUID, colours: Trust, now: datetime) -> None:
    """Judge one policy as it is kept."""
    with transaction.atomic():
        held = Policy.objects.select_for_update().get(pk=policy_pk)
        policy = Policy.objects.select_related("function__account", "current").get(pk=held.pk)
        if policy.current is not None:
            keep_findings(policy, parse(policy.current.document or None), url_auth=url_auth(policy), trusted=colours, now=now)


def _judge_what_changed(row: FindingPass, ends: float, now: datetime) -> None:
    """Judge anew whatever the trust list, the known accounts, who belongs where or the rules say something else about."""
    colours = trust()
    mark = mark_of(colours)
    if row.mark != mark:
        few = _touched(row.mark, mark)
        if few is None:
            row.checkpoint = str(uuid.UUID(int=0))
        else:
            for pk in few:
                judge_again(pk, colours, now)
        row.mark = mark
        row.save(update_fields=["mark", "checkpoint"])
    while row.checkpoint:
        chunk = list(_judged().filter(pk__gt=row.checkpoint).order_by("pk").values_list("pk", flat=True)[:_CHUNK])
        for pk in chunk:
            judge_again(pk, colours, now)
        row.checkpoint = str(chunk[-1]) if chunk else ""
        row.save(update_fields=["checkpoint"])
        if time.monotonic() > ends:
            return


def _judged() -> QuerySet[Policy]:
    return Policy.objects.present().filter(current__isnull=False)


def mark_of(colours: Trust) -> dict[str, Any]:
    """What the findings of policies follow from beside the policies: another mark, and they are judged anew."""
    return {
        "rules": VERSION,
        "organizations": sorted(colours.organizations),
        "trusted": sorted(colours.accounts),
        "known": sorted(Account.objects.values_list("number", flat=True)),
        "members": known_members().mark,
    }


def _touched(before: dict[str, Any], mark: dict[str, Any]) -> list[uuid.UUID] | None:
    """The policies that the difference is about; None for all of them."""
    if any(before.get(name) != mark[name] for name in ("rules", "organizations")):
        return None
    if before.get("members", "") != mark["members"]:
        return None
    accounts = set(before["trusted"]) ^ set(mark["trusted"]) | set(before["known"]) ^ set(mark["known"])
    if len(accounts) > _CHUNK:
        return None
    found = list(_judged().filter(exposures__account__in=accounts).distinct().values_list("pk", flat=True)[: _FEW + 1])
    return None if len(found) > _FEW else found


def _return_what_ended(now: datetime) -> None:
    ended = Finding.objects.filter(state=FindingState.OPEN, accepted_until__lte=now)
    for pk in list(ended.values_list("pk", flat=True)):
        with transaction.atomic():
            one = _locked(pk)
            if one is not None and one.accepted_until is not None and one.accepted_until <= now:
                give_back(one, f"It was accepted until {one.accepted_until:%Y-%m-%d %H:%M} UTC.", by=Actor.system())


def _close_what_is_gone(now: datetime) -> None:
    """What AWS does not list any more has no findings; what it lists again has those it had."""
    vanished = Q(policy__vanished_at__isnull=False) | Q(function__vanished_at__isnull=False)
    for pk in list(Finding.objects.filter(vanished, state=FindingState.OPEN).values_list("pk", flat=True)):
        with transaction.atomic():
            one = _locked(pk)
            if one is not None and one.state == FindingState.OPEN:
                close(one, GONE, now=now)
    closed = Finding.objects.filter(state=FindingState.CLOSED, closed_because=GONE, rule__in=OF_POLICIES)
    back = list(closed.filter(policy__in=_judged()).order_by().values_list("policy", flat=True).distinct())
    colours = trust() if back else Trust()
    for policy in back:
        judge_again(policy, colours, now)
        closed.filter(policy=policy).update(closed_because=NOT_TRUE)


def _watch(now: datetime) -> None:
    wanted = watch()
    with transaction.atomic():
        mine = Finding.objects.filter(rule__in=WATCHED)
        held = {one.pk: one for one in _whole(mine.filter(state=FindingState.OPEN))}
        missing = [key for key in wanted if key not in held]
        for start in range(0, len(missing), 500):
            held |= {one.pk: one for one in _whole(mine.filter(pk__in=missing[start : start + 500]))}
        settle(held.values(), wanted, now=now)


def _whole(findings: QuerySet[Finding]) -> QuerySet[Finding]:
    return findings.select_related("account", "function__account", "policy", "grant__policy__function__account")


def _locked(pk: uuid.UUID) -> Finding | None:
    if Finding.objects.select_for_update().filter(pk=pk).first() is None:
        return None
    return _whole(Finding.objects.filter(pk=pk)).first()
