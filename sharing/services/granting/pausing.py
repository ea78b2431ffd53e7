"""What waits while an account is suspended: nothing is shared with it anew, by nobody, until it is resumed."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from django.db.models import Q

from sharing.models import Offboarding, Policy

SUSPENDED: Final = "They have exactly this, and it is suspended."
RESUME_IT: Final = "Resume that share on its page."
RESUME_FIRST: Final = "Resume the account on its page first; until then nothing is shared with it."


def why_paused(number: str, policy: Policy) -> str:
    """Why nothing is shared with this account there now, in a sentence; "": it is not suspended."""
    if not number:
        return ""
    there = Q(everywhere=True) | Q(items__grant__policy__function__account=policy.function.account_id)
    one = Offboarding.objects.suspensions().filter(there, number=number).first()
    return _said(one) if one else ""


def paused_in(accounts: Collection[uuid.UUID]) -> dict[tuple[str, uuid.UUID], str]:
    """The same of every suspended account, by its digits and the owner's account (of these). Two queries."""
    standing = Offboarding.objects.suspensions()
    there = standing.filter(items__grant__policy__function__account__in=accounts)
    account = "items__grant__policy__function__account"
    places = set(there.order_by().values_list("pk", account).distinct()) if standing else set()
    return {(one.number, pk): _said(one) for one in standing for pk in accounts if one.everywhere or (one.pk, pk) in places}


def _said(one: Offboarding) -> str:
    return f"The access of {one.name or one.number} is suspended since {one.created_at:%Y-%m-%d}."
