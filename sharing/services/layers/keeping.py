"""Keeping layer versions as listed. Writes only what is new, changed or gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from sharing.aws.layers import ListedVersion
from sharing.models import Account, Actor, LayerGrant, LayerVersion
from sharing.policy.arn import ArnError
from sharing.policy.layers import LayerArn
from sharing.services import history

from .drift import vanish


def keep_versions(account: Account, region: str, name: str, listed: Iterable[ListedVersion], at: datetime) -> int:
    """Keep the whole list of one layer's versions; those not listed are gone with their policies. How many changes.

    Entries whose ARN is not of this layer are left out: they are no answer to what was asked.
    """
    wanted = {one.arn: one for one in listed if _belongs(one, account, region, name)}
    known = {one.arn: one for one in LayerVersion.objects.filter(account=account, region=region, name=name)}
    new = [
        LayerVersion(account=account, region=region, name=name, number=one.number, arn=arn, first_seen_at=at, **_facts(one))
        for arn, one in wanted.items()
        if arn not in known
    ]
    changed = [(known[arn], one) for arn, one in wanted.items() if arn in known and _differs(known[arn], one)]
    gone = [one for arn, one in known.items() if arn not in wanted and one.vanished_at is None]
    if new or changed:
        with transaction.atomic():
            LayerVersion.objects.bulk_create(new, ignore_conflicts=True)
            for layer, one in changed:
                LayerVersion.objects.filter(pk=layer.pk).update(vanished_at=None, **_facts(one))
                if layer.vanished_at is not None:
                    history.record("layer.returned", f"{layer.label} is there again", by=Actor.system(), layer=layer)
    for layer in gone:
        vanish_version(layer, at)
    return len(new) + len(changed) + len(gone)


def vanish_layers(account: Account, region: str, names: Collection[str], at: datetime) -> int:
    """Layers that a complete listing did not name are gone, with every version. How many versions."""
    present = LayerVersion.objects.present().filter(account=account, region=region).select_related("account")
    gone = [layer for layer in present.iterator(chunk_size=2000) if layer.name not in names]
    for layer in gone:
        vanish_version(layer, at)
    return len(gone)


def vanish_version(layer: LayerVersion, at: datetime) -> None:
    """One version is gone from AWS, its policy with it. Functions that use it already keep it (aws-facts 7)."""
    with transaction.atomic():
        gone = LayerVersion.objects.filter(pk=layer.pk, vanished_at=None)
        if not gone.update(vanished_at=at, unread_since=None, unread_reason=""):
            return
        lost = 0
        for grant in LayerGrant.objects.filter(layer=layer).select_related("layer__account"):
            lost += vanish(grant, f"The layer version {layer.label} was deleted in AWS.", at)
        shares = f", {lost} of our shares with it" if lost else ""
        history.record(
            "layer.vanished",
            f"{layer.label} is gone from AWS{shares}. Functions that use it already keep it.",
            by=Actor.system(),
            layer=layer,
            detail={"grants": lost},
        )


def _belongs(one: ListedVersion, account: Account, region: str, name: str) -> bool:
    try:
        arn = LayerArn.parse(one.arn)
    except ArnError:
        return False
    return (arn.account, arn.region, arn.name, arn.number) == (account.number, region, name, one.number)


def _facts(one: ListedVersion) -> dict[str, Any]:
    return {
        "description": one.description[:300],
        "license": one.license[:512],
        "published": one.created[:100],
        "runtimes": [name[:40] for name in one.runtimes[:30]],
        "architectures": [name[:40] for name in one.architectures[:10]],
    }


def _differs(layer: LayerVersion, one: ListedVersion) -> bool:
    return layer.vanished_at is not None or any(getattr(layer, name) != value for name, value in _facts(one).items())
