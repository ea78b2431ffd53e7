"""Which wirings there are, for whom; and which of them a worker should take up."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from sharing.models import Actor, Membership, StepState, TestState, Wiring, WiringState, WiringStep
from sharing.models.wiring import OPEN_STEPS
from sharing.services.granting.revoking import OVER

from . import settling

_RELATED = ("function__account", "requested_by", "undone_by")
#: So many wirings are looked at a sweep; the next one takes the others.
_LOOKS = 200
#: What was seen, and whose share or mapping is known to be over.
GONE_BY_ROWS = Q(state=StepState.SEEN) & (
    Q(key="permission", grant__state__in=OVER) | Q(key="mapping", mapping_change__mapping__vanished_at__isnull=False)
)
LOOKED_AT = (StepState.SEEN, StepState.SAID, StepState.ASKED, StepState.FAILED)


def wirings_for(actor: Actor) -> QuerySet[Wiring]:
    """Wirings of functions in the actor's scope, the newest first; without their steps."""
    return Wiring.objects.visible_to(actor).select_related(*_RELATED)


def theirs(actor: Actor) -> QuerySet[Wiring]:
    """Wirings whose source is in an account that the person acts for; those taken back are over for them."""
    numbers = Membership.objects.of(actor).values("account__number")
    found = Wiring.objects.exclude(state=WiringState.UNDONE).exclude(source_account="")
    return found.filter(source_account__in=numbers).select_related(*_RELATED)


def due(now: datetime) -> QuerySet[WiringStep]:
    """Steps that wait for a worker and whose time has come. Marks as stuck what has been unsettled for too long."""
    old = WiringStep.objects.filter(state__in=(StepState.QUEUED,), started_at__lte=now - settling.STUCK_AFTER)
    for step in old.select_related("wiring__function__account"):
        settling.mark_stuck(step)
    its_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
    return WiringStep.objects.filter(its_time, state__in=OPEN_STEPS).order_by("next_try_at", "started_at", "pk")


def looks_due(now: datetime) -> QuerySet[Wiring]:
    """Wirings of which something is to be looked at again: its time has come, or rows say that it is gone."""
    its_time = Q(next_try_at__lte=now) | GONE_BY_ROWS
    steps = WiringStep.objects.filter(its_time, state__in=LOOKED_AT, wiring__abandoned_at=None)
    return Wiring.objects.filter(pk__in=steps.values("wiring")).order_by("created_at")[:_LOOKS]


def tests_due(now: datetime) -> QuerySet[Wiring]:
    """Wirings whose test event waits to be sent, or to be seen."""
    return Wiring.objects.filter(test_state__in=(TestState.QUEUED, TestState.SENT)).order_by("test_wanted_at")
