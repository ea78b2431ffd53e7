"""A worker asks for one thing after another, each in a transaction of its own: killed anywhere, it goes on where it was."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from sharing.models import Actor, Grant, GrantState, LayerGrant, Offboarding, OffboardingItem, Wanted
from sharing.models.grant import UNSETTLED
from sharing.models.mapping_change import OPEN_CHANGES
from sharing.models.offboarding import OffboardingKind as Kind
from sharing.models.offboarding import OffboardingState as State
from sharing.services import granting, inviting, layers, memberships
from sharing.services import mapping as mappings
from sharing.services.errors import Refusal

from .deciding import resume_due

log = structlog.get_logger(__name__)

#: So many things in one task; the rest is queued again behind whatever waits.
_SLICE: Final = 50
#: Workers are still taking it away.
_AT_IT: Final = (
    Q(grant__isnull=False, grant__state__in=UNSETTLED)
    | Q(layer_grant__isnull=False, layer_grant__state__in=UNSETTLED)
    | Q(change__isnull=False, change__state__in=OPEN_CHANGES)
)


@dataclass
class Told:
    """What workers have to do next: keys of rows. `more`: this offboarding has more things to ask for at once."""

    grants: list[uuid.UUID] = field(default_factory=list)
    layer_grants: list[uuid.UUID] = field(default_factory=list)
    changes: list[uuid.UUID] = field(default_factory=list)
    more: bool = False


class _NotYet(Exception):
    """AWS is still at it: the sweep comes back."""


def run(pk: uuid.UUID | str) -> Told:
    """Ask for the next things, of the decision or of its undo."""
    told = Told()
    found = Offboarding.objects.select_related("requested_by", "undo_by").filter(pk=pk).first()
    if found is None:
        return told
    resume_due(found, now=timezone.now())
    keys = list(_open(found).order_by("position").values_list("pk", flat=True)[: _SLICE + 1])
    moved = sum(_next(found, key, told) for key in keys[:_SLICE])
    told.more = len(keys) > _SLICE and moved > 0
    return told


def due() -> QuerySet[Offboarding]:
    """Offboardings with something to ask for: what a dead worker left behind, undos that wait for AWS, suspensions whose day
    has come."""
    items = OffboardingItem.objects.filter(offboarding=OuterRef("pk"))
    waiting, asked = items.filter(state=State.WAITING), items.filter(state=State.ASKED)
    ends = Q(suspends=True, undo_wanted_at=None, until__lte=timezone.now())
    undone = Q(Exists(asked), undo_wanted_at__isnull=False)
    return Offboarding.objects.filter(Exists(waiting) | undone | ends).order_by("created_at")


def _open(found: Offboarding) -> QuerySet[OffboardingItem]:
    if found.undo_wanted_at is None:
        return found.items.filter(state=State.WAITING)
    asked = Q(state=State.ASKED) & ~_AT_IT  # what AWS does not answer for must not keep the rest from its turn
    return found.items.filter(Q(state=State.WAITING) | asked)


def _next(found: Offboarding, key: uuid.UUID, told: Told) -> bool:
    """One step of one thing; whether it was made."""
    with transaction.atomic():
        item = OffboardingItem.objects.select_for_update().get(pk=key)
        if item.state == State.WAITING:
            if found.undo_wanted_at is not None:  # the undo was faster: it was never taken away
                item.state, item.failure = State.RESTORED, "It was not taken away."
                item.save()
                return True
            step, by, after, refused = _TAKE[Kind(item.kind)], Actor.of(found.requested_by), State.ASKED, State.FAILED
        elif item.state == State.ASKED and found.undo_wanted_at is not None and found.undo_by is not None:
            step, by, after, refused = _GIVE[Kind(item.kind)], Actor.of(found.undo_by), State.RESTORED, State.LOST
        else:
            return False
        item.offboarding = found
        try:
            with transaction.atomic():
                step(item, by, told)
            item.state, item.failure_next = after, ""
        except Refusal as refusal:
            item.state, item.failure, item.failure_next = refused, refusal.message, refusal.next
        except _NotYet:
            return False
        item.save()
    return True


def _why(item: OffboardingItem) -> str:
    one = item.offboarding
    word = "Suspension" if one.suspends else "Offboarding"
    return f"{word} of {one.name or one.number}: {one.reason}"[:500]


def _take_grant(item: OffboardingItem, by: Actor, told: Told) -> None:
    if item.grant is None:
        raise AssertionError("A share that is taken away is a grant.")
    one = item.offboarding
    if one.suspends:
        granting.suspend(item.grant, by=by, reason=_why(item), until=one.until)
    else:
        granting.revoke(item.grant, by=by, reason=_why(item))
    told.grants.append(item.grant.pk)


def _take_statement(item: OffboardingItem, by: Actor, told: Told) -> None:
    if item.policy is None or item.index is None or item.content is None:
        raise AssertionError("A statement has a place.")
    reason = _why(item)
    item.grant = granting.revoke_statement(item.policy, index=item.index, version_pk=item.content, by=by, reason=reason)
    told.grants.append(item.grant.pk)


def _take_layer(item: OffboardingItem, by: Actor, told: Told) -> None:
    if item.layer_grant is None:
        raise AssertionError("A share of a layer that is taken away is a grant.")
    told.layer_grants.append(layers.revoke(item.layer_grant, by=by, reason=_why(item)).pk)


def _take_layer_statement(item: OffboardingItem, by: Actor, told: Told) -> None:
    if item.layer is None or item.index is None or item.content is None:
        raise AssertionError("A statement has a place.")
    reason = _why(item)
    item.layer_grant = layers.revoke_statement(item.layer, index=item.index, content_pk=item.content, by=by, reason=reason)
    told.layer_grants.append(item.layer_grant.pk)


def _take_mapping(item: OffboardingItem, by: Actor, told: Told) -> None:
    if item.mapping is None:
        raise AssertionError("A mapping that is paused is there.")
    item.change = mappings.pause(item.mapping, by=by, form_token=f"offboard-{item.pk.hex}")
    told.changes.append(item.change.pk)


def _take_membership(item: OffboardingItem, by: Actor, told: Told) -> None:
    if item.membership is not None and item.membership.ended_at is None:
        memberships.end(item.membership, by=by)


def _take_invitation(item: OffboardingItem, by: Actor, told: Told) -> None:
    if item.invitation is not None:
        inviting.cancel(item.invitation, by=by, reason=_why(item))


def _give_grant(item: OffboardingItem, by: Actor, told: Told) -> None:
    grant = item.grant
    if grant is None:
        raise AssertionError("What was taken away is a grant.")
    one = item.offboarding
    if one.suspends:
        if grant.state in UNSETTLED and grant.wanted == Wanted.ABSENT:
            raise _NotYet
        if grant.state not in (*UNSETTLED, GrantState.ACTIVE, GrantState.SUSPENDED):
            raise Refusal(f"It is {grant.get_state_display().lower()} by now.", next="Share anew, if it is needed.")
        item.again = grant  # it carries its own resuming, and says what came of it
        itself = one.undo_as == Actor.system().label
        granting.resume_or_say(grant, by=by, confirm_role=one.undo_roles, itself=itself, under=one)
        told.grants.append(grant.pk)
        return
    if _still_there(item, grant):
        return
    if grant.suspended_at is not None:
        raise Refusal("It was suspended when it was taken away.", next="Undo it on its page, if it may be used again.")
    item.again = granting.undo(
        grant,
        by=by,
        form_token=f"offboard-{item.pk.hex}",
        confirm_role=one.undo_roles,
        reason=f"offboarding of {one.name or one.number}",
    )
    told.grants.append(item.again.pk)


def _give_layer(item: OffboardingItem, by: Actor, told: Told) -> None:
    grant = item.layer_grant
    if grant is None:
        raise AssertionError("What was taken away is a grant.")
    if _still_there(item, grant):
        return
    if grant.principal_kind != "account":
        raise Refusal("AWS takes no such statement for a layer.", next="Share it with the account.")
    layer = layers.look_again(grant).layer
    token = f"offboard-{item.pk.hex}"
    plan = layers.plan(layer=layer, who=grant.principal, by=by, ends_at=grant.ends_at, form_token=token)
    item.layer_again = layers.share(plan, reason=f"Undo: {grant.reason}"[:500], by=by, anyway=True)
    told.layer_grants.append(item.layer_again.pk)


def _give_mapping(item: OffboardingItem, by: Actor, told: Told) -> None:
    if item.change is None or item.mapping is None:
        raise AssertionError("What was paused has a change.")
    if item.change.is_open:
        raise _NotYet
    if item.change.state != "done":
        item.failure = "It was not paused."
        return
    one = item.offboarding
    if one.suspends and (why := granting.why_paused(one.number, item.mapping.function.account_id)):
        raise Refusal(why, next="Resume the mapping on its page once that is over.")
    item.change = mappings.resume(item.mapping, by=by, form_token=f"resume-{item.pk.hex}")
    told.changes.append(item.change.pk)


def _give_membership(item: OffboardingItem, by: Actor, told: Told) -> None:
    if not by.is_admin():
        raise Refusal("Only an admin lets somebody act for an account again.", next="Ask one, or invite them again.")
    if item.membership is not None:
        memberships.begin(item.membership.person, item.membership.account, by=by, invitation=item.membership.invitation)


def _give_invitation(item: OffboardingItem, by: Actor, told: Told) -> None:
    raise Refusal("An invitation that was cancelled stays so.", next="Invite them again.")


def _still_there(item: OffboardingItem, grant: Grant | LayerGrant) -> bool:
    """Whether there is nothing to give back. Raises _NotYet while nobody knows."""
    if grant.state in UNSETTLED:
        raise _NotYet
    if grant.state == GrantState.ACTIVE:
        item.failure = "It was not taken away."
        return True
    if grant.state == GrantState.FAILED:
        raise Refusal("AWS never held it.", next="Ask for it again, if it is still needed.")
    return False


_Step = Callable[[OffboardingItem, Actor, Told], None]
_TAKE: Final[Mapping[Kind, _Step]] = {
    Kind.GRANT: _take_grant,
    Kind.STATEMENT: _take_statement,
    Kind.LAYER_GRANT: _take_layer,
    Kind.LAYER_STATEMENT: _take_layer_statement,
    Kind.MAPPING: _take_mapping,
    Kind.MEMBERSHIP: _take_membership,
    Kind.INVITATION: _take_invitation,
}
_GIVE: Final[Mapping[Kind, _Step]] = {
    Kind.GRANT: _give_grant,
    Kind.STATEMENT: _give_grant,
    Kind.LAYER_GRANT: _give_layer,
    Kind.LAYER_STATEMENT: _give_layer,
    Kind.MAPPING: _give_mapping,
    Kind.MEMBERSHIP: _give_membership,
    Kind.INVITATION: _give_invitation,
}
