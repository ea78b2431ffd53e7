"""A step that waits for people of the source's account: those whom fnshare knows are told by mail."""

from __future__ import annotations

from django.utils import timezone

from sharing.models import Notice, Role, User, WiringStep
from sharing.policy.wiring import Side
from sharing.services import notices
from sharing.services.owning import MOST

KIND = "wiring-step"


def tell_theirs(step: WiringStep) -> list[Notice]:
    """Queue mail to those who act for the step's account and may say that it is done; what was queued.

    At most one a day about one step for each of them, however often it is handed over anew.
    """
    if step.side != Side.SOURCE or not step.account:
        return []
    day = timezone.now().date().isoformat()
    queued = [
        notices.queue(
            KIND,
            to=person.email,
            person=person,
            detail={"step": str(step.pk)},
            once=f"{KIND}:{step.pk}:{day}:{person.email}",
        )
        for person in User.objects.acting_for(step.account).exclude(role=Role.AUDITOR)[:MOST]
    ]
    return [notice for notice in queued if notice is not None]
