"""Ending a connection, and what that leaves in AWS."""

import hashlib
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Exposure,
    Grant,
    Joiner,
    JoinerState,
    Joining,
    LayerGrant,
    LayerVersion,
    Organization,
    Purpose,
    Wiring,
    WiringState,
)
from sharing.models.grant import MAY_HOLD_ACCESS
from sharing.models.joining import TRIED
from sharing.services import history, places
from sharing.services.errors import Refusal

from .given import only_admins

_S = ConnectionState
#: Steps of a wiring that a source role does: keys of sharing.policy.wiring.
THROUGH_SOURCES = ("notification", "topic-policy", "subscription", "target", "alarm-action", "source-policy")


@dataclass(frozen=True)
class WhatStays:
    """What disconnecting leaves in AWS.

    grants, layer_grants: ours that may still hold access, and that nobody here ends any more; each has to be accepted.
    open_policies: policies that let in others, however made. sentence, next: for people; next holds the command that
    deletes the role.
    """

    grants: list[Grant]
    open_policies: int
    sentence: str
    next: str
    layer_grants: list[LayerGrant] = field(default_factory=list)

    @property
    def many(self) -> int:
        """How many shares have to be accepted."""
        return len(self.grants) + len(self.layer_grants)

    @property
    def mark(self) -> str:
        """What a form carries: nothing is left behind that was not shown, with its end date; "": there is nothing."""
        live = [f"{one.pk} {one.ends_at}" for one in self.grants]
        live += [f"{one.pk} {one.ends_at}" for one in self.layer_grants]
        return hashlib.sha256("\n".join(sorted(live)).encode()).hexdigest()[:32] if live else ""


def what_stays(connection: Connection) -> WhatStays:
    """What stays granted in AWS when this connection is ended: everything. Nothing is taken back by itself."""
    account = connection.account
    role_name = connection.role_arn.rpartition("/")[2]
    following = f"Delete the role {role_name} in account {account.number} when nothing else uses it." if role_name else ""
    if connection.purpose == Purpose.CHECKER:
        return WhatStays([], 0, f"Shares with {account.name} stay; they can no longer be checked from there.", following)
    if connection.purpose == Purpose.ORGANIZATION:
        return _of_organization(connection, following)
    if connection.purpose == Purpose.INVOKER:
        return WhatStays([], 0, "Test invoke is off here from then on. Shares stay as they are.", following)
    if connection.purpose == Purpose.SOURCE:
        return _of_sources(connection, following)
    grants = list(
        Grant.objects.filter(policy__function__account=account, state__in=MAY_HOLD_ACCESS)
        .select_related("policy__function")
        .order_by("policy__function__name", "created_at")
    )
    open_policies = (
        Exposure.objects.filter(policy__function__account=account, policy__vanished_at=None, policy__function__vanished_at=None)
        .exclude(external="no", public="no", open_service="no")
        .values("policy")
        .distinct()
        .count()
    )
    sentence = (
        f"AWS goes on letting in whom it lets in now: {_count(len(grants), 'share')} made here stay{'s' * (len(grants) == 1)} "
        f"granted, and {_count(open_policies, 'policy', 'policies')} of {account.name} let{'s' * (open_policies == 1)} in "
        "others. fnshare neither sees nor ends them any more, end dates included."
    )
    layer_grants = list(
        LayerGrant.objects.filter(layer__account=account, state__in=MAY_HOLD_ACCESS)
        .select_related("layer")
        .order_by("layer__name", "layer__number", "created_at")
    )
    sentence += _of_layers(account, len(layer_grants))
    following = f"Revoke first what should end. {following}".strip()
    return WhatStays(grants, open_policies, sentence, following, layer_grants)


def _of_organization(connection: Connection, following: str) -> WhatStays:
    """Shares with the organisation stay, whoever joins it later; accounts that were connected stay connected."""
    sentence = (
        "Which accounts belong to the organisation is not read any more. What was known of them is old at once: answers "
        "about its members depend again, and no account is proved by it."
    )
    held = Organization.objects.filter(connection=connection).first()
    if held is None:
        return WhatStays([], 0, sentence, following)
    grants = list(
        Grant.objects.filter(principal_kind="organization", state__in=MAY_HOLD_ACCESS)
        .filter(Q(principal=held.organization_id) | Q(principal__startswith=f"{held.organization_id}/"))
        .select_related("policy__function__account")
        .order_by("policy__function__name", "created_at")
    )
    layer_grants = list(
        LayerGrant.objects.filter(
            principal_kind="organization", principal=held.organization_id, state__in=MAY_HOLD_ACCESS
        ).select_related("layer__account")
    )
    many = len(grants) + len(layer_grants)
    if many:
        sentence += (
            f" {_count(many, 'share')} with the organisation stay{'s' * (many == 1)} granted: who comes in through "
            f"{'it' if many == 1 else 'them'} is not known from then on."
        )
    if Joining.objects.filter(organization=held).exists():
        sentence += " New accounts do not join any more, and nobody notices those that leave; what is connected stays so."
    return WhatStays(grants, 0, sentence, following, layer_grants)


def _of_sources(connection: Connection, following: str) -> WhatStays:
    """What a source role wired stays wired: rows and AWS alike keep their state, and nobody here can look at it any more."""
    account = connection.account
    wired = (
        Wiring.objects.exclude(state=WiringState.UNDONE)
        .filter(source_arn__in=connection.limited_to, steps__ours=True, steps__account=account.number)
        .filter(steps__key__in=THROUGH_SOURCES)
        .distinct()
        .count()
    )
    sentence = "What the role wired stays as it is in AWS, and sources go on driving functions. "
    if wired:
        sentence += (
            f"{_count(wired, 'wiring')} of {account.name} keep{'s' * (wired == 1)} {'its' if wired == 1 else 'their'} state: "
            "fnshare neither looks at the source's side any more nor takes it back. "
        )
    sentence += "New steps on the sources' side are handed over."
    return WhatStays([], 0, sentence, f"Take back first what should end. {following}".strip())


def _of_layers(account: Account, grants: int) -> str:
    """The same about layers; nothing where no layer lets in others."""
    versions = LayerVersion.objects.present().filter(account=account).exclude(public="no", external="no").count()
    if not grants and not versions:
        return ""
    of_ours = f", {_count(grants, 'share')} made here among them" if grants else ""
    return f" The same goes for {_count(versions, 'layer version')} that let{'s' * (versions == 1)} in others{of_ours}."


def disconnect(connection: Connection, *, by: Actor, seen: str = "") -> Connection:
    """End the connection. AWS keeps every statement and the role itself: see `what_stays`, before and after.

    seen: the mark of what was shown and accepted. Raises Refusal (code `stale`) while shares stay that are not in it.
    """
    only_admins(by)
    with transaction.atomic():
        held = Connection.objects.select_for_update(of=("self",)).select_related("account").get(pk=connection.pk)
        if held.state == _S.DISCONNECTED:
            return held
        stays = what_stays(held)
        if stays.mark and seen != stays.mark:
            raise Refusal(
                f"{_count(stays.many, 'share')} would stay, which nobody accepted.",
                next="Look at the list again, then accept it.",
                code="stale",
                field="accepted",
            )
        held.state = _S.DISCONNECTED
        held.test_wanted_at = None
        held.next_external_id = held.paused_because = ""
        held.save(update_fields=["state", "test_wanted_at", "next_external_id", "paused_because"])
        places.chosen(held)
        detail = {
            "purpose": held.purpose,
            "grants": [str(grant.pk) for grant in stays.grants[:500]],
            "layer_grants": [str(grant.pk) for grant in stays.layer_grants[:500]],
            "accepted": stays.many,
        }
        text = f"{held.get_purpose_display()} of {held.account.name} disconnected. {stays.sentence}"
        history.record("connection.disconnected", text, by=by, account=held.account, detail=detail)
        if held.purpose in (Purpose.MANAGER, Purpose.CHECKER):
            _leave_out(held, by)
    return held


def _leave_out(held: Connection, by: Actor) -> None:
    """Who ended it by hand does not want it back by itself, though the organisation's template still makes the role."""
    joined = Joiner.objects.filter(number=held.account.number, state__in=(*TRIED, JoinerState.CONNECTED))
    wanted = joined.filter(**{f"joining__{held.purpose}": True})
    said = f"{by.label[:200]} disconnected its {held.get_purpose_display().lower()}."
    wanted.update(state=JoinerState.LEFT_OUT, failure=said, failure_next="Take it in again, if it should be connected.")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
