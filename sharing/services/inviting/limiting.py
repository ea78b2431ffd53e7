"""How many invitations leave: nobody's mailbox is flooded, and nobody's account floods others."""

from __future__ import annotations

from datetime import datetime, timedelta

from sharing.models import Actor, Invitation, Notice, NoticeState, User
from sharing.services.errors import Refusal

from .writing import KIND

MOST_PER_HOUR = 30
MOST_PER_ADDRESS = 5
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def refuse_more(by: Actor, now: datetime) -> None:
    """Refuse when the person made too many invitations lately. Inside the transaction that makes another."""
    if by.person is None:
        return
    User.objects.select_for_update().get(pk=by.person.pk)  # two of their forms at once count each other
    lately = Invitation.objects.filter(created_by=by.person, created_at__gt=now - _HOUR).order_by("created_at")
    made = list(lately.values_list("created_at", flat=True))
    if len(made) >= MOST_PER_HOUR:
        again = made[len(made) - MOST_PER_HOUR] + _HOUR
        raise Refusal(
            f"You made {len(made)} invitations within an hour; {MOST_PER_HOUR} are the most.",
            next=f"Go on in {_minutes(again - now)}. One invitation may offer many functions.",
            code="too-many",
        )


def refuse_mail(email: str, now: datetime) -> None:
    """Refuse when the address got too many of these mails lately, whoever sent them."""
    mails = Notice.objects.filter(kind=KIND, to=email, created_at__gt=now - _DAY).exclude(state=NoticeState.DROPPED)
    sent = list(mails.order_by("created_at").values_list("created_at", flat=True))
    if len(sent) >= MOST_PER_ADDRESS:
        again = sent[len(sent) - MOST_PER_ADDRESS] + _DAY
        raise Refusal(
            f"{email} got {len(sent)} invitations by mail within a day; {MOST_PER_ADDRESS} are the most.",
            next=f"Ask them to look for the newest one, in the spam folder too, or try again in {_minutes(again - now)}.",
            code="too-many",
            field="email",
        )


def _minutes(left: timedelta) -> str:
    minutes = max(1, round(left.total_seconds() / 60))
    if minutes < 90:
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{round(minutes / 60)} hours"
