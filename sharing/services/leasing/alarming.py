"""Leases past their end that could not be ended: said aloud, because access still stands."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from sharing.models import Account, Actor, Grant, GrantState, Notice, Role, User
from sharing.services import notices
from sharing.services.granting.ends import LATE
from sharing.services.history import record
from sharing.services.owning import owners_by_function

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: An end that could not be kept for so long is alarmed about. A worker that was away has caught up before.
ALARM_AFTER = timedelta(minutes=5)
#: So many of them are looked at in one go, the longest overdue first.
_MOST = 500


def overdue(now: datetime) -> QuerySet[Grant, Grant]:
    """Grants past their end that AWS may still hold, in whatever state they are: access still stands."""
    return Grant.objects.past_their_end(now - LATE)


def alarm(now: datetime) -> list[Notice]:
    """Tell every admin, and the owners of the functions, of leases whose end was tried and failed.

    One mail an account, a person and a day (UTC): it lists them all. Costs one query when there are none.
    """
    late = Grant.objects.past_their_end(now - ALARM_AFTER)
    tried = late.exclude(failure="") | late.filter(state=GrantState.STUCK)
    found = list(tried.select_related("policy__function__account").order_by("ends_at", "id")[:_MOST])
    if not found:
        return []
    functions = {grant.policy.function_id: grant.policy.function for grant in found}
    owners = owners_by_function(list(functions.values()))
    admins = list(User.objects.filter(is_active=True, role=Role.ADMIN).order_by("email"))
    told: dict[Account, dict[User, None]] = defaultdict(dict)
    for function in functions.values():
        told[function.account] |= dict.fromkeys((*admins, *owners[function.pk].people))
    keys = {_key(account, person, now): (account, person) for account, people in told.items() for person in people}
    known = set(Notice.objects.filter(once__in=keys).values_list("once", flat=True))
    new: dict[Account, list[User]] = defaultdict(list)
    for key, (account, person) in keys.items():
        if key not in known:
            new[account].append(person)
    return [notice for account, people in new.items() for notice in _tell(account, people, found, now)]


def _key(account: Account, person: User, now: datetime) -> str:
    return f"lease-overdue:{account.number}:{now:%Y-%m-%d}:{person.email}"


def _tell(account: Account, people: list[User], found: list[Grant], now: datetime) -> list[Notice]:
    many = sum(grant.policy.function.account_id == account.pk for grant in found)
    with transaction.atomic():
        queued = [
            notice
            for person in people
            if (
                notice := notices.queue(
                    "lease-overdue",
                    to=person.email,
                    person=person,
                    detail={"account": account.number},
                    once=_key(account, person, now),
                )
            )
        ]
        if queued:
            leases = "A lease is past its end" if many == 1 else f"{many} leases are past their end"
            text = f"{leases} and still held by AWS; told {', '.join(notice.to for notice in queued)}."
            record("lease.overdue", text, by=Actor.system(), account=account)
    return queued
