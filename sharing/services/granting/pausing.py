"""What waits while an account is suspended: nothing is shared with it anew, by nobody, until it is resumed.

Who shares something with an account and who suspends or offboards it wait for each other (`take_turn`), so each knows of the
other: a share is refused, or it is among what is taken away. A worker looks once more before it writes (`keeps_back`): rows
may come from a backup, or from before that was so.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from django.db.models import Exists, OuterRef, Q

from sharing.models import Actor, Grant, Latch, Offboarding, OffboardingItem
from sharing.models.offboarding import OffboardingQuerySet
from sharing.services.errors import Refusal

SUSPENDED: Final = "They have exactly this, and it is suspended."
RESUME_IT: Final = "Resume that share on its page."
RESUME_FIRST: Final = "Whoever suspended the account, or an admin, resumes it on its page; nothing is shared with it before."

#: Whose is what an item of a suspension takes away.
_OWNERS: Final = ("items__grant__policy__function__account", "items__mapping__function__account")


def take_turn(number: str) -> None:
    """Let whatever is just being decided about that account be written first, and what comes after wait until this
    transaction ends. Before any other lock, a policy's too: nobody waits here for one who waits for them. "": nobody's."""
    if not number or Latch.objects.select_for_update().filter(pk=number).first() is not None:
        return
    Latch.objects.bulk_create([Latch(number=number)], ignore_conflicts=True)
    Latch.objects.select_for_update().get(pk=number)


def require_open(number: str, owner: uuid.UUID, *, field: str = "") -> None:
    """Refuse while the account is suspended in that owner's account, or just being offboarded. Take its turn before."""
    if not number:
        return
    for one in Offboarding.objects.closing().filter(number=number).select_related("requested_by"):
        if one.suspends and (one.everywhere or Offboarding.objects.filter(stands_in(owner), pk=one.pk).exists()):
            raise Refusal(_said(one), next=RESUME_FIRST, code="suspended", field=field)
        if not one.suspends and (one.everywhere or Actor.of(one.requested_by).sees(owner)):
            raise Refusal(
                f"{one.name or one.number} is being offboarded just now.",
                next="If it is to be shared all the same, share it once that is done.",
                code="offboarding",
                field=field,
            )


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
    return Exists(_of_each_grant())


def keeps_back() -> Exists:
    """For a query of grants: whether a suspension stands that does not know of the grant, so that nobody may write it.

    Those that a suspension took away are not kept back by it: they are on their way out, or resumed one by one.
    """
    known = OffboardingItem.objects.filter(offboarding=OuterRef("pk"), grant=OuterRef(OuterRef("pk")))
    return Exists(_of_each_grant().exclude(Exists(known)))


def why_kept_back(grant: Grant) -> str:
    """Why a worker must not write this grant, whatever was decided; "": nothing keeps it back.

    grant: as a worker read it (`transitions.looked_at`). What is being resumed is judged by the rights of who resumes it.
    """
    if grant.suspended_at is None and not grant.is_kept_back:
        return ""
    standing = Offboarding.objects.suspensions().filter(number=grant.principal_account).exclude(items__grant=grant)
    if grant.suspended_at is not None:
        by = Actor.of(grant.resumed_by) if grant.resumed_by else Actor.system()
        standing = standing.exclude(pk__in=Offboarding.objects.visible_to(by))
    one = standing.filter(stands_in(grant.policy.function.account_id)).first() if grant.principal_account else None
    return _said(one) if one else ""


def stands_in(account: object, lookup: str = "") -> Q:
    """For a query of suspensions: those that stand in this owner's account, or with `__in` in one of these."""
    of_shares, of_mappings = (Q(**{f"{owner}{lookup}": account}) for owner in _OWNERS)
    return Q(everywhere=True) | of_shares | of_mappings


def _of_each_grant() -> OffboardingQuerySet:
    there = stands_in(OuterRef("policy__function__account"))
    return Offboarding.objects.suspensions().filter(there, number=OuterRef("principal_account"))


def _said(one: Offboarding) -> str:
    return f"The access of {one.name or one.number} is suspended since {one.created_at:%Y-%m-%d}."
