"""Holding it up: all of it, or one account."""

from django.db import transaction
from django.utils import timezone

from sharing.models import Actor, Joiner, JoinerState, Joining
from sharing.models.joining import TRIED
from sharing.services import history
from sharing.services.connecting.given import only_admins
from sharing.services.errors import Refusal

_LONGEST = 300


def pause(joining: Joining, *, by: Actor) -> Joining:
    """Look for no more roles. Accounts that are connected stay so. Twice is once. Raises NotPermitted."""
    return _set(joining, paused=True, by=by)


def resume(joining: Joining, *, by: Actor) -> Joining:
    """Undo `pause`."""
    return _set(joining, paused=False, by=by)


def leave_out(joiner: Joiner, *, reason: str, by: Actor) -> Joiner:
    """Do not look for the roles of this account any more, until it is taken in again. Twice is once.

    Raises NotPermitted; Refusal: it is connected (disconnecting leaves it out), or not active anyway, no reason.
    """
    only_admins(by)
    reason = " ".join(reason.split())
    if not reason or len(reason) > _LONGEST:
        raise Refusal("A reason of 1 to 300 characters is needed.", next="Say why, in a line.", field="reason")
    with transaction.atomic():
        held = Joiner.objects.select_for_update(of=("self",)).select_related("member", "joining").get(pk=joiner.pk)
        if held.state == JoinerState.LEFT_OUT:
            return held
        if held.state not in TRIED:
            raise Refusal(
                f"{held.member} is {held.get_state_display().lower()}.",
                next="Disconnect its roles: it is left out then." if held.state == JoinerState.CONNECTED else "",
                code="conflict",
            )
        held.state, held.next_try_at = JoinerState.LEFT_OUT, None
        held.failure = f"{by.label[:200]} left it out: {reason}"
        held.failure_next = "Take it in, if it should be connected."
        held.save()
        text = f"{held.member} is left out: its roles are not looked for"
        history.record("organization.account-left-out", text, by=by, reason=reason, detail={"number": held.number})
    return held


def _set(joining: Joining, *, paused: bool, by: Actor) -> Joining:
    only_admins(by)
    with transaction.atomic():
        held = Joining.objects.select_for_update(of=("self",)).select_related("organization").get(pk=joining.pk)
        if (held.paused_at is not None) == paused:
            return held
        held.paused_at = timezone.now() if paused else None
        held.save(update_fields=["paused_at"])
        verb, words = ("paused", "is paused") if paused else ("resumed", "goes on")
        text = f"Connecting the accounts of organisation {held.organization.organization_id} {words}"
        history.record(f"organization.joining-{verb}", text, by=by)
    return held
