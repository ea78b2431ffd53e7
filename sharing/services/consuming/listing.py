"""The list of what is shared, searched and filtered; and what was, and is over."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from sharing.models import Account, Check, CheckState, Grant, Policy, Verdict

from .reaching import OVER, Side
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
        text = given.get("q", "").replace("\x00", "").strip()[:400]  # PostgreSQL takes no NUL in text
        digits = re.sub(r"[\s-]", "", given.get("account", ""))[:40]
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


def find(side: Side, text: str = "") -> QuerySet[Policy]:
    """What is shared with the side's accounts, by name."""
    order = ("function__name", "function__region", "function__account__number", "qualifier", "pk")
    found: QuerySet[Policy] = _matching(side.policies(), text, "").order_by(*order)
    return found


def ended(side: Side, text: str = "") -> QuerySet[Grant]:
    """Grants to the side's accounts that are over, the last first."""
    grants = side.grants().filter(state__in=OVER).select_related("policy__function__account")
    found: QuerySet[Grant] = _matching(grants, text, "policy__").order_by("-settled_at", "pk")
    return found


def page_rows(side: Side, policies: Sequence[Policy]) -> list[Shared]:
    """The policies of one page with their ways in and what was last proved: four queries, however many."""
    tried = last_tried(side, policies)
    return shared(side, policies, tried)


def ended_rows(side: Side, grants: Sequence[Grant]) -> list[Ended]:
    """The grants of one page in words."""
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


def _matching(rows: QuerySet[Any], text: str, at: str) -> QuerySet[Any]:
    if not text:
        return rows
    function = f"{at}function__"
    if text.startswith("arn:"):
        parts = text.split(":")
        exact = Q(**{f"{function}arn__istartswith": ":".join(parts[:7])})
        return rows.filter(exact, **({f"{at}qualifier__startswith": parts[7]} if len(parts) > 7 else {}))
    found = Q(**{f"{function}name__icontains": text}) | Q(**{f"{function}arn__icontains": text})
    found |= Q(**{f"{at}qualifier__iexact": text}) | Q(**{f"{function}account__name__icontains": text})
    digits = re.sub(r"[\s-]", "", text)
    if digits.isascii() and digits.isdigit():
        found |= Q(**{f"{function}account__number__contains": digits})
    name, colon, qualifier = text.partition(":")
    if colon and qualifier:
        found |= Q(**{f"{function}name__icontains": name, f"{at}qualifier__istartswith": qualifier})
    return rows.filter(found)
