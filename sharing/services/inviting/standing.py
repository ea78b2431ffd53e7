"""Where invitations stand, for the owner's pages: lists, one invitation's mail and history, and what waits for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Connection,
    Event,
    Grant,
    Invitation,
    InvitationItem,
    InvitationState,
    Notice,
    NoticeState,
)
from sharing.services.trusting import trust

from .writing import KIND

SHOWN = 6
#: Events of one click are written within this.
_ONE_CLICK = timedelta(seconds=5)


class Standing(StrEnum):
    """Where an invitation stands, as people ask for it."""

    WAITING = "waiting"
    TO_CONFIRM = "to-confirm"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNSENT = "unsent"


def standing_of(invitation: Invitation, now: datetime) -> Standing:
    """One of all but UNSENT, which is about the mail. Past its last day it is expired, whether or not the sweep was there."""
    if invitation.state == InvitationState.PENDING:
        return Standing.WAITING if invitation.expires_at > now else Standing.EXPIRED
    if invitation.awaits_confirmation:
        return Standing.TO_CONFIRM
    return Standing(invitation.state)


def invitations(*, by: Actor, text: str = "", standing: Standing | None = None) -> QuerySet[Invitation]:
    """Those in scope that match, the newest first, each with `mail_state` and `mail_failure` of its newest mail.

    text: looked for in address, account, organisation, who invited, and names of functions.
    """
    now = timezone.now()
    found: QuerySet[Invitation] = _with_mail(Invitation.objects.visible_to(by))
    for word in text.split():
        digits = word.replace("-", "")
        wanted = Q(email__icontains=word) | Q(created_as__icontains=word) | Q(organization__iexact=word)
        offered = InvitationItem.objects.filter(invitation=OuterRef("pk"), policy__function__name__icontains=word)
        wanted |= Q(account__name__icontains=word) | Q(Exists(offered))
        if digits.isascii() and digits.isdigit():
            wanted |= Q(number__contains=digits) | Q(account__number__contains=digits)
        found = found.filter(wanted)
    if standing is not None:
        found = found.filter(_standing(standing, now))
    items = InvitationItem.objects.select_related("policy__function", "grant")
    return (
        found.select_related("account", "created_by").prefetch_related(Prefetch("items", items)).order_by("-created_at", "id")
    )


def _with_mail(found: QuerySet[Invitation]) -> QuerySet[Invitation]:
    newest = Notice.objects.filter(invitation=OuterRef("pk"), kind=KIND).order_by("-created_at", "id")
    return found.annotate(mail_state=Subquery(newest.values("state")[:1]), mail_failure=Subquery(newest.values("failure")[:1]))


def _standing(standing: Standing, now: datetime) -> Q:
    match standing:
        case Standing.WAITING:
            return Q(state=InvitationState.PENDING, expires_at__gt=now)
        case Standing.EXPIRED:
            return Q(state=InvitationState.EXPIRED) | Q(state=InvitationState.PENDING, expires_at__lte=now)
        case Standing.TO_CONFIRM:
            return Q(state=InvitationState.ACCEPTED, confirmed_at=None)
        case Standing.ACCEPTED:
            return Q(state=InvitationState.ACCEPTED, confirmed_at__isnull=False)
        case Standing.UNSENT:
            return Q(state=InvitationState.PENDING, expires_at__gt=now, mail_state=NoticeState.FAILED)
        case _:
            return Q(state=standing.value)


def mails_of(invitation: Invitation) -> list[Notice]:
    """The mails to the invited, the newest first. Mails to whoever invited are not among them."""
    return list(invitation.notices.filter(kind=KIND).order_by("-created_at", "id")[:20])


def to_send(invitation: Invitation) -> list[Notice]:
    """What is queued about it, for the door to hand to a worker."""
    return list(invitation.notices.filter(state=NoticeState.QUEUED))


@dataclass(frozen=True)
class Happened:
    """One click's worth of history: the same was written about `more` other functions of the invitation."""

    event: Event
    more: int


def story_of(invitation: Invitation, *, by: Actor) -> list[Happened]:
    """What happened to it, the newest first; events of one click about several functions are one line."""
    functions = [item.policy.function_id for item in invitation.items.select_related("policy")]
    events = Event.objects.visible_to(by).filter(
        function__in=functions, verb__startswith="invitation.", detail__invitation=str(invitation.pk)
    )
    found: list[Happened] = []
    for event in events.order_by("-sequence")[:500]:
        last = found[-1] if found else None
        if last and (last.event.verb, last.event.actor) == (event.verb, event.actor) and last.event.at - event.at < _ONE_CLICK:
            found[-1] = Happened(event, last.more + 1)
        else:
            found.append(Happened(event, 0))
    return found


@dataclass(frozen=True)
class Proved:
    """What is known here about the account that was proved: nothing of it comes from the other side but the proof itself.

    `known`: it was here before this invitation. `trusted`: on the trust list. `shared`: live grants to it, in scope.
    """

    account: Account
    known: bool
    trusted: bool
    shared: int
    connection: Connection | None


def proved_of(invitation: Invitation, *, by: Actor) -> Proved | None:
    """What an owner should see before they say that the account is the one they meant; None before anything was proved."""
    account = invitation.account
    if account is None:
        return None
    return Proved(
        account=account,
        known=account.created_at < invitation.created_at,
        trusted=account.number in trust().accounts,
        shared=Grant.objects.visible_to(by).live().filter(principal_account=account.number).count(),
        connection=invitation.connection,
    )


@dataclass(frozen=True)
class Attention:
    """Invitations that somebody should look at: the first to confirm and the first whose mail failed, and how many."""

    to_confirm: Sequence[Invitation]
    confirm_count: int
    unsent: Sequence[Invitation]
    unsent_count: int

    def __bool__(self) -> bool:
        return bool(self.confirm_count or self.unsent_count)

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.confirm_count + self.unsent_count - len(self.to_confirm) - len(self.unsent)


def attention(*, by: Actor) -> Attention:
    """For the first page, in the actor's scope. Four queries at most."""
    now = timezone.now()
    found = _with_mail(Invitation.objects.visible_to(by)).select_related("account").order_by("created_at", "id")
    waiting, unsent = found.filter(_standing(Standing.TO_CONFIRM, now)), found.filter(_standing(Standing.UNSENT, now))
    counts = waiting.count(), unsent.count()
    return Attention(
        list(waiting[:SHOWN]) if counts[0] else [], counts[0], list(unsent[:SHOWN]) if counts[1] else [], counts[1]
    )
