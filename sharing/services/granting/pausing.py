"""What waits while an account is suspended: nothing is shared with it anew, by nobody, until it is resumed."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from django.db.models import Exists, OuterRef, Q

from sharing.models import Offboarding
from sharing.models.offboarding import OffboardingQuerySet

SUSPENDED: Final = "They have exactly this, and it is suspended."
RESUME_IT: Final = "Resume that share on its page."
RESUME_FIRST: Final = "Whoever suspended the account, or an admin, resumes it on its page; nothing is shared with it before."

#: Whose is what an item of a suspension takes away.
_OWNERS: Final = ("items__grant__policy__function__account", "items__mapping__function__account")


def why_paused(number: str, owner: uuid.UUID) -> str:
    """Why nothing of this owner's account is shared with that account now, in a sentence; "": it is not suspended."""
    if not number:
        return ""
    one = Offboarding.objects.suspensions().filter(stands_in(owner), number=number).first()
    return _said(one) if one else ""


def paused_in(accounts: Collection[uuid.UUID], *, among: OffboardingQuerySet | None = None) -> dict[tuple[str, uuid.UUID], str]:
    """The same of every suspended account, by its digits and the owner's account (of these). Two queries.

    `among`: by these suspensions alone.
    """
    standing = Offboarding.objects.suspensions() if among is None else among
    there = standing.filter(stands_in(accounts, "__in")).order_by().values_list("pk", *_OWNERS).distinct() if standing else ()
    places = {(pk, account) for pk, *found in there for account in found}
    return {(one.number, pk): _said(one) for one in standing for pk in accounts if one.everywhere or (one.pk, pk) in places}


def is_paused() -> Exists:
    """The same for a query of grants: whether nothing is shared with the account of each, where its function is."""
    there = stands_in(OuterRef("policy__function__account"))
    return Exists(Offboarding.objects.suspensions().filter(there, number=OuterRef("principal_account")))


def stands_in(account: object, lookup: str = "") -> Q:
    """For a query of suspensions: those that stand in this owner's account, or with `__in` in one of these."""
    of_shares, of_mappings = (Q(**{f"{owner}{lookup}": account}) for owner in _OWNERS)
    return Q(everywhere=True) | of_shares | of_mappings


def _said(one: Offboarding) -> str:
    return f"The access of {one.name or one.number} is suspended since {one.created_at:%Y-%m-%d}."
