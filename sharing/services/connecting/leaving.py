"""Ending a connection, and what that leaves in AWS."""

from dataclasses import dataclass

from django.db import transaction

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Exposure,
    Grant,
    LayerGrant,
    LayerVersion,
    Purpose,
    Wiring,
    WiringState,
)
from sharing.models.grant import MAY_HOLD_ACCESS
from sharing.services import history

from .given import only_admins

_S = ConnectionState
#: Steps of a wiring that a source role does: keys of sharing.policy.wiring.
THROUGH_SOURCES = ("notification", "topic-policy", "subscription", "target", "alarm-action", "source-policy")


@dataclass(frozen=True)
class WhatStays:
    """What disconnecting leaves in AWS.

    grants: ours that may still hold access. open_policies: policies that let in others, however made. sentence, next:
    for people; next holds the command that deletes the role.
    """

    grants: list[Grant]
    open_policies: int
    sentence: str
    next: str


def what_stays(connection: Connection) -> WhatStays:
    """What stays granted in AWS when this connection is ended: everything. Nothing is taken back by itself."""
    account = connection.account
    role_name = connection.role_arn.rpartition("/")[2]
    following = f"Delete the role {role_name} in account {account.number} when nothing else uses it." if role_name else ""
    if connection.purpose == Purpose.CHECKER:
        return WhatStays([], 0, f"Shares with {account.name} stay; they can no longer be checked from there.", following)
    if connection.purpose == Purpose.ORGANIZATION:
        sentence = (
            "Which accounts belong to the organisation is not read any more. What was known of them is old at once: answers "
            "about its members depend again, and no account is proved by it."
        )
        return WhatStays([], 0, sentence, following)
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
    sentence += _of_layers(account)
    return WhatStays(grants, open_policies, sentence, f"Revoke first what should end. {following}".strip())


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


def _of_layers(account: Account) -> str:
    """The same about layers; nothing where no layer lets in others."""
    grants = LayerGrant.objects.filter(layer__account=account, state__in=MAY_HOLD_ACCESS).count()
    versions = LayerVersion.objects.present().filter(account=account).exclude(public="no", external="no").count()
    if not grants and not versions:
        return ""
    of_ours = f", {_count(grants, 'share')} made here among them" if grants else ""
    return f" The same goes for {_count(versions, 'layer version')} that let{'s' * (versions == 1)} in others{of_ours}."


def disconnect(connection: Connection, *, by: Actor) -> Connection:
    """End the connection. AWS keeps every statement and the role itself: see `what_stays`, before and after."""
    only_admins(by)
    stays = what_stays(connection)
    with transaction.atomic():
        held = Connection.objects.select_for_update().select_related("account").get(pk=connection.pk)
        if held.state == _S.DISCONNECTED:
            return held
        held.state = _S.DISCONNECTED
        held.test_wanted_at = None
        held.next_external_id = ""
        held.save(update_fields=["state", "test_wanted_at", "next_external_id"])
        history.record(
            "connection.disconnected",
            f"{held.get_purpose_display()} of {held.account.name} disconnected. {stays.sentence}",
            by=by,
            account=held.account,
            detail={"purpose": held.purpose, "grants": [str(grant.pk) for grant in stays.grants[:500]]},
        )
    return held


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
