"""The list of what is shared, searched and filtered; and what was, and is over."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Case, IntegerField, OuterRef, Subquery, Value, When

from sharing.models import Account, Check, CheckState, Grant, Policy, Verdict
from sharing.policy.arn import unspaced

from .reaching import OVER, Place, Side
from .telling import Shared, deed, shared


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for: text in names, ARNs and digits; one account of theirs; what is over instead."""

    text: str = ""
    account: str = ""
    over: bool = False

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Wanted:
        """From an address: q, account, show=ended. Whatever cannot be meant is left out."""
        text = given.get("q", "").strip()[:400]
        digits = unspaced(given.get("account", ""))[:40]
        return cls(text, digits, given.get("show") == "ended")

    @property
    def narrowed(self) -> bool:
        """Whether something is left out on purpose."""
        return bool(self.text or self.account)


@dataclass(frozen=True)
class Ended:
    """A share that is over: what it was, for whom of theirs, how it ended."""

    grant: Grant
    account: Account | None
    may: str


def only(side: Side, account: str) -> Side:
    """The side with one account of theirs. Digits that are not theirs leave nothing, as digits that are nobody's do."""
    if not account:
        return side
    return Side(side.me, tuple(one for one in side.memberships if one.account.number == account))


def find(side: Side, text: str = "") -> list[uuid.UUID]:
    """What is shared with the side's accounts: the policies' ids, by name. No more queries than for all of it."""
    return [place.pk for place in side.places.values() if place.matches(text)]


def ended(side: Side, text: str = "") -> list[uuid.UUID]:
    """Grants to the side's accounts that are over, the last first: their ids."""
    fields = ("pk", *(f"policy__function__{name}" for name in ("name", "region", "arn", "account__name", "account__number")))
    rows = side.grants().filter(state__in=OVER).order_by("-settled_at", "pk").values_list(*fields, "policy__qualifier")
    return [place.pk for place in (Place(*row) for row in rows) if place.matches(text)]


def page_rows(side: Side, keys: Sequence[uuid.UUID]) -> list[Shared]:
    """The policies of one page with their ways in and what was last proved: as many queries, however many they are."""
    known = Policy.objects.select_related("function__account").in_bulk(list(keys))
    policies = [known[key] for key in keys if key in known]
    return shared(side, policies, last_tried(side, policies))


def ended_rows(side: Side, keys: Sequence[uuid.UUID]) -> list[Ended]:
    """The grants of one page in words."""
    known = Grant.objects.select_related("policy__function__account").in_bulk(list(keys))
    grants = [known[key] for key in keys if key in known]
    return [Ended(grant, side.accounts.get(grant.principal_account), deed(grant.action)) for grant in grants]


def last_tried(side: Side, policies: Sequence[Policy]) -> dict[uuid.UUID, Check]:
    """The last answer about each policy; one that tells something goes before "not tried"."""
    answered = side.checks().filter(policy=OuterRef("pk"), state=CheckState.DONE)
    telling = Case(When(verdict=Verdict.NOT_TRIED, then=Value(1)), default=Value(0), output_field=IntegerField())
    newest = answered.order_by(telling, "-created_at", "pk").values("pk")[:1]
    rows = Policy.objects.filter(pk__in=[policy.pk for policy in policies]).annotate(tried=Subquery(newest))
    keys = {key: tried for key, tried in rows.order_by("pk").values_list("pk", "tried") if tried}
    checks = Check.objects.in_bulk(list(keys.values()))
    return {policy: checks[key] for policy, key in keys.items() if key in checks}
