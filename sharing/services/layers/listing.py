"""The list of layer versions: search, filters, and what each row says about who is let in.

Nothing here decides access: whom a policy lets in was stored when it was read; this only asks for it, in the same number
of queries whatever the number of layers.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    GrantState,
    LayerExposure,
    LayerGrant,
    LayerVersion,
    Purpose,
    Reading,
    Sync,
    SyncKind,
    SyncState,
)
from sharing.models.sync import OPEN
from sharing.services.inventory import NOT_SAFE, Places
from sharing.services.syncing.latest import last_ended

from .syncing import may_read


class Exposed(StrEnum):
    """What a version's policy lets in, as the filter of the list names it."""

    PUBLIC = "public"
    EXTERNAL = "external"
    UNREAD = "unread"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Summary:
    """What one row of the list says beside the version itself.

    `lets_in` counts principals by kind, those whose statement lets nobody in left out. `read_at`: start of the last
    complete read of its place, or its own if that was later. `waiting` and `unsettled` count grants.
    """

    layer: LayerVersion
    lets_in: dict[str, int] = field(default_factory=dict)
    read_at: datetime | None = None
    waiting: int = 0
    unsettled: int = 0

    @property
    def nobody_outside(self) -> bool:
        """Whether its policy was read and lets nobody outside the account in."""
        layer = self.layer
        return not layer.is_unread and layer.public == layer.external == "no"


@dataclass(frozen=True)
class Gap:
    """Regions of an account whose layers are not (fully) known, and why. `add`: permissions that the role lacks."""

    account: Account
    regions: tuple[str, ...]
    reason: str
    next: str
    connection: Connection
    add: bool = False


def versions(
    *,
    by: Actor,
    text: str = "",
    accounts: QuerySet[Account] | None = None,
    region: str = "",
    exposed: Exposed | None = None,
    vanished: bool = False,
) -> QuerySet[LayerVersion]:
    """The layer versions in the actor's scope that match, by name, the newest version first.

    `text` is looked for in name, ARN and description, and among whom they are shared with (account id or organisation).
    `accounts`: only of these.
    """
    found: QuerySet[LayerVersion] = LayerVersion.objects.visible_to(by).filter(vanished_at__isnull=not vanished)
    if accounts is not None:
        found = found.filter(account__in=list(accounts.order_by().values_list("pk", flat=True)))
    if region:
        found = found.filter(region=region)
    for word in text.split():
        shared_with = LayerExposure.objects.filter(layer=OuterRef("pk"), principal__iexact=word)
        found = found.filter(
            Q(name__icontains=word) | Q(arn__icontains=word) | Q(description__icontains=word) | Exists(shared_with)
        )
    unread = Q(reading=Reading.UNREAD) | Q(unread_since__isnull=False)
    wide = Q(public__in=NOT_SAFE) | Q(external__in=NOT_SAFE)
    if exposed is Exposed.UNREAD:
        found = found.filter(unread)
    elif exposed is Exposed.NOBODY:
        found = found.exclude(unread | wide)
    elif exposed is not None:
        found = found.filter(**{f"{exposed}__in": NOT_SAFE})
    return found.select_related("account").order_by("name", "region", "account__number", "-number", "id")


def summaries(rows: Sequence[LayerVersion]) -> list[Summary]:
    """What the list says about these versions (one page of them), in the same order. Three queries."""
    keys = [layer.pk for layer in rows]
    lets_in: dict[uuid.UUID, dict[str, int]] = {}
    counted = (
        LayerExposure.objects.filter(layer__in=keys, latent=False)
        .values_list("layer_id", "kind")
        .annotate(count=Count("principal", distinct=True))
        .order_by("layer_id", "kind")
    )
    for key, kind, count in counted:
        lets_in.setdefault(key, {})[kind] = count
    grants: dict[uuid.UUID, dict[str, int]] = {}
    open_grants = LayerGrant.objects.filter(layer__in=keys).filter(
        Q(state=GrantState.REQUESTED) | Q(pk__in=LayerGrant.objects.unsettled().values("pk"))
    )
    for key, state, count in open_grants.values_list("layer_id", "state").annotate(count=Count("pk")).order_by("layer_id"):
        grants.setdefault(key, {})[state] = count
    complete = Sync.objects.complete().filter(kind=SyncKind.LAYERS, account__in={layer.account_id for layer in rows})
    read = {
        (row["account_id"], row["region"]): row["at"]
        for row in complete.order_by().values("account_id", "region").annotate(at=Max("started_at"))
    }
    return [
        _summary(one, lets_in.get(one.pk, {}), read.get((one.account_id, one.region)), grants.get(one.pk, {})) for one in rows
    ]


def _summary(layer: LayerVersion, lets_in: dict[str, int], swept: datetime | None, grants: dict[str, int]) -> Summary:
    own = layer.read_at
    # While it cannot be read, what is shown is as old as its own last read: a later sweep did not get to it.
    read_at = own if layer.unread_since else max((at for at in (own, swept) if at and own), default=None)
    waiting = grants.get(GrantState.REQUESTED, 0)
    return Summary(layer, lets_in, read_at, waiting, sum(grants.values()) - waiting)


def places(*, by: Actor) -> Places:
    """Accounts that have (or had) layers, and their regions."""
    seen = LayerVersion.objects.visible_to(by)
    having = Exists(LayerVersion.objects.filter(account=OuterRef("pk")))
    return Places(
        accounts=tuple(Account.objects.visible_to(by).filter(having)),
        regions=tuple(seen.order_by("region").values_list("region", flat=True).distinct()),
    )


def open_reads(*, by: Actor) -> list[Sync]:
    """Reads of layers that are queued or running, oldest first."""
    found = Sync.objects.visible_to(by).filter(kind=SyncKind.LAYERS, state__in=OPEN)
    return list(found.select_related("account").order_by("created_at"))


def gaps(*, by: Actor) -> list[Gap]:
    """What the list does not (fully) know: four queries whatever the number of accounts."""
    connections = (
        Connection.objects.visible_to(by)
        .standing()
        .filter(purpose=Purpose.MANAGER)
        .exclude(state__in=(ConnectionState.AWAITED,))
        .select_related("account")
        .order_by("account__name", "account__number")
    )
    syncs = Sync.objects.visible_to(by).filter(kind=SyncKind.LAYERS)
    last = last_ended(syncs)
    complete = set(syncs.complete().values_list("account_id", "region"))
    unread = {
        (row["account_id"], row["region"]): row["many"]
        for row in LayerVersion.objects.visible_to(by)
        .present()
        .filter(Q(reading=Reading.UNREAD) | Q(unread_since__isnull=False))
        .order_by()
        .values("account_id", "region")
        .annotate(many=Count("pk"))
    }
    found: list[Gap] = []
    for one in connections:
        found += _gaps_of(one, last, complete, unread)
    return found


def _gaps_of(
    one: Connection,
    last: dict[tuple[uuid.UUID, str], Sync],
    complete: set[tuple[uuid.UUID, str]],
    unread: dict[tuple[uuid.UUID, str], int],
) -> list[Gap]:
    every = tuple(one.regions)
    if one.state == ConnectionState.PAUSED:
        return [Gap(one.account, every, "The account is paused: its layers are not read.", "Resume it.", one)]
    if one.state != ConnectionState.CONNECTED:
        why = one.failure or f"The connection is {one.get_state_display().lower()}."
        return [Gap(one.account, every, why, one.failure_next or "Test the connection.", one)]
    if not may_read(one):
        why = "Its manager role may not read layers."
        return [
            Gap(one.account, every, why, "Add the permissions that the connection's page names, then test it.", one, add=True)
        ]
    found = []
    for region in one.regions:
        place = (one.account_id, region)
        ended = last.get(place)
        if ended is not None and ended.state == SyncState.FAILED:
            found.append(Gap(one.account, (region,), ended.failure, ended.failure_next, one, add=_lacks(ended)))
        elif place not in complete:
            found.append(Gap(one.account, (region,), "Its layers were not read yet.", "Read them now, or wait.", one))
        elif many := unread.get(place):
            why = f"{many} unread layer version{'s' if many > 1 else ''}."
            found.append(Gap(one.account, (region,), why, "They are marked unread in the list, with the reason.", one))
    asides = sorted(set(one.enabled_regions or []) - set(one.regions))
    if asides:
        why = f"Enabled in the account, but not read: {', '.join(asides)}."
        found.append(Gap(one.account, tuple(asides), why, "Add them to the account's regions, if they are used.", one))
    return found


def _lacks(sync: Sync) -> bool:
    return sync.failure_code in ("AccessDenied", "AccessDeniedException")
