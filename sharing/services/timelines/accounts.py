"""An account's timeline: what happened in it as an owner, what was decided for it as a consumer, and every statement that
names it, appearing and going. Any twelve digits have one: a stranger is whoever policies name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Count, Q, QuerySet

from sharing.models import Account, Actor, Event, Exposure, Grant, Mention, PolicyVersion
from sharing.models.grant import MAY_HOLD_ACCESS
from sharing.policy.following import names_account

from .telling import Entry
from .versions import entries_of, with_previous

SIZE = 50
#: Contents that are looked through for one page; when they do not fill it, the next page goes on from there.
_LOOKED = 400


@dataclass(frozen=True)
class AccountStory:
    """One page, newest first. `older`: the moment from which the next page goes on, None at the end.

    `account`: as people named it, None for a stranger. What is counted is read when it is asked for, in `by`'s scope.
    """

    number: str
    account: Account | None
    by: Actor
    entries: tuple[Entry, ...]
    older: datetime | None

    @cached_property
    def visible(self) -> bool:
        """Whether it is in scope as an owner account."""
        return self.account is not None and self.by.sees(self.account.pk)

    @cached_property
    def grants(self) -> int:
        """How many grants may hold access for it now."""
        found = Grant.objects.visible_to(self.by).filter(principal_account=self.number, state__in=MAY_HOLD_ACCESS)
        return found.count()

    @cached_property
    def functions(self) -> int:
        """How many functions have a policy that, as last read, lets something of this account in."""
        return _naming(self.number, self.by)


def of_account(
    number: str,
    *,
    by: Actor,
    since: datetime | None = None,
    until: datetime | None = None,
    before: datetime | None = None,
    size: int = SIZE,
    account: Account | None = None,
) -> AccountStory:
    """Tell one page about these twelve digits, from what is in the actor's scope. A constant number of queries.

    account: theirs, if it is at hand. since, until: not before, and before. `before`: go on from this moment, with what is
    older.
    """
    account = account or Account.objects.filter(number=number).first()
    events = _events(number, account, by, _span("at", since, until, before), size + 1)
    versions = _versions(number, by).filter(_span("first_seen_at", since, until, before))
    changes, cut = _changes(versions, number, by, size)
    entries = sorted((*(Entry(event.at, event) for event in events), *changes.values()), key=_order, reverse=True)
    # Where a list was cut, what is older belongs to the next page: something of the other list may come between.
    ends = [
        *([events[size].at] if len(events) > size else []),
        *([cut] if cut else []),
        *([entries[size].at] if len(entries) > size else []),
    ]
    older = max(ends, default=None)
    told = entries if older is None else [one for one in entries if one.at > older]
    if older is not None and not told and entries:  # all of one moment: they are told together, or no page would end
        told = [one for one in entries if one.at >= older]
        older -= timedelta(microseconds=1)
    return AccountStory(
        number=number,
        account=account,
        by=by,
        entries=tuple(told),
        older=older,
    )


def _order(entry: Entry) -> tuple[datetime, int]:
    return entry.at, entry.event.sequence if entry.event is not None else 0


def _span(name: str, since: datetime | None, until: datetime | None, before: datetime | None) -> Q:
    found = Q()
    for ending, moment in (("gte", since), ("lt", until), ("lte", before)):
        if moment is not None:
            found &= Q(**{f"{name}__{ending}": moment})
    return found


def _changes(versions: QuerySet[PolicyVersion], number: str, by: Actor, size: int) -> tuple[dict[int, Entry], datetime | None]:
    """More than `size` entries, where there are so many; and the moment of the first content that was not looked at.

    Most pages are full after a few contents, and comparing them is what takes time: the others are asked for when it is not.
    """
    found: dict[int, Entry] = {}
    few = min(2 * size + 20, _LOOKED)
    for start, stop in ((0, few), (few, _LOOKED)):
        some = _loaded(list(versions.values_list("pk", flat=True)[start : stop + 1]))
        found |= entries_of(some[: stop - start], by=by, about=lambda statement: names_account(statement, number))
        if len(some) <= stop - start:
            return found, None
        if len(found) > size:
            break
    return found, some[-1].first_seen_at


def _events(number: str, account: Account | None, by: Actor, span: Q, most: int) -> list[Event]:
    """About it as an owner, and about what was decided for it, newest first. Two queries: together they would use no index."""
    rows = Event.objects.visible_to(by).filter(span).select_related("account", "function__account", "grant")
    about = (Q(account=account) if account else Q(pk=None), Q(grant__principal_account=number))
    found = {event.pk: event for one in about for event in rows.filter(one).order_by("-at", "-pk")[:most]}
    return sorted(found.values(), key=lambda event: (event.at, event.pk), reverse=True)[:most]


def _versions(number: str, by: Actor) -> QuerySet[PolicyVersion]:
    """Every content of the policies that ever held its digits, newest first: where they came and where they went."""
    holding = Mention.objects.filter(number=number)
    if not by.sees_every_account or not by.active:
        holding = holding.filter(policy__function__account__in=Account.objects.visible_to(by))
    return PolicyVersion.objects.filter(policy__in=holding.values("policy")).order_by("-first_seen_at", "-pk")


def _loaded(keys: list[int]) -> list[PolicyVersion]:
    """These contents, in their order: they are put in order by an index, and only then read, or all of them were."""
    versions = with_previous(PolicyVersion.objects.filter(pk__in=keys)).select_related("policy__function__account")
    found = {one.pk: one for one in versions.order_by()}
    return [found[key] for key in keys if key in found]


def _naming(number: str, by: Actor) -> int:
    """How many functions have a policy that, as last read, lets something of this account in."""
    found = Exposure.objects.filter(account=number, policy__vanished_at=None, policy__function__vanished_at=None)
    if not by.sees_every_account or not by.active:
        found = found.filter(policy__function__account__in=Account.objects.visible_to(by))
    return int(found.aggregate(count=Count("policy__function", distinct=True))["count"])
