"""Keeping a layer version's policy as read: contents over time, whom they let in, and what that means for grants.

The only writer of layer policies' contents: syncs and the re-reads of grants come through here alike, so that nobody
else's change goes by unseen whoever happened to read it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from sharing.aws.functions import StoredPolicy
from sharing.models import Actor, LayerExposure, LayerGrant, LayerPolicyVersion, LayerVersion, Reading, Sync, SyncKind
from sharing.models.grant import UNSETTLED
from sharing.policy import Changes, Document, compare, parse
from sharing.policy.layers import LayerArn, LetIn, let_in, widest
from sharing.services import history
from sharing.services.syncing.reach import _kept as kept_text
from sharing.services.syncing.storing import Content

from .drift import note_drift

_READ = ("current", "reading", "revision_id", "read_at", "unread_since", "unread_reason", "vanished_at", "public", "external")


def is_news(layer: LayerVersion, content: Content) -> bool:
    """Whether storing would change anything but the time of reading: a quiet sync leaves such rows alone."""
    return (
        layer.current is None
        or layer.current.digest != content.digest
        or layer.reading != content.reading
        or layer.revision_id != content.revision_id
        or layer.unread_since is not None
        or layer.vanished_at is not None
    )


def store_policy(layer: LayerVersion, stored: StoredPolicy | None, *, read_at: datetime, ours: Collection[str] = ()) -> bool:
    """Keep what GetLayerVersionPolicy returned. True: its content is new.

    stored: None when AWS answered 404 and the version exists: no policy. read_at: when the call was *made*; a read older
    than the one kept is dropped. ours: Sids that the caller itself added or removed (those of grants being settled count
    as ours too): every other difference becomes an event `layer.policy-changed`. Sets `layer`'s fields to what is kept.
    """
    content = Content(stored)
    with transaction.atomic():
        held = LayerVersion.objects.select_for_update().get(pk=layer.pk)
        held.account = layer.account
        if held.read_at is not None and held.read_at > read_at:
            _take_over(layer, held)
            return False
        before = held.current
        changed = before is None or before.digest != content.digest
        if changed:
            seen_without = last_read_of(held) if before is not None else None
            held.current = LayerPolicyVersion.objects.create(
                layer=held,
                digest=content.digest,
                document=content.text,
                size=content.size,
                revision_id=content.revision_id,
                last_seen_without=min(seen_without, read_at) if seen_without else None,
                first_seen_at=read_at,
            )
            _keep_exposures(held, content.document)
        held.reading, held.revision_id, held.read_at = content.reading, content.revision_id, read_at
        held.unread_since, held.unread_reason = None, ""
        if stored is not None:  # 404 is also what a version that was deleted answers
            held.vanished_at = None
        held.save(update_fields=list(_READ))
        if changed:
            if before is not None:
                _tell(held, compare(parse(before.document or None), content.document), ours)
            note_drift(held, content.document, read_at=read_at)
        _take_over(layer, held)
    return changed


def expose_anew(pk: uuid.UUID) -> None:
    """What follows from the content that is kept, by the rules of now."""
    with transaction.atomic():
        held = LayerVersion.objects.select_for_update().get(pk=pk)
        if held.current is not None:
            _keep_exposures(held, parse(held.current.document or None))
            held.save(update_fields=["public", "external"])


def mark_unread(layer: LayerVersion, sentence: str, at: datetime) -> bool:
    """The read of this policy failed: its last content stays, marked stale. True: this was not known before."""
    rows = LayerVersion.objects.filter(pk=layer.pk).filter(Q(read_at=None) | Q(read_at__lte=at))
    news = rows.filter(Q(unread_since=None) | ~Q(unread_reason=sentence))
    return bool(news.update(reading=Reading.UNREAD, unread_since=Coalesce(F("unread_since"), at), unread_reason=sentence))


def last_read_of(layer: LayerVersion) -> datetime | None:
    """When the kept content was last seen to be in AWS: by a read of its own, or by a sync that found nothing new."""
    if layer.read_at is None:
        return None
    syncs = Sync.objects.complete().filter(
        account=layer.account_id, region=layer.region, kind=SyncKind.LAYERS, started_at__gte=layer.read_at
    )
    if layer.unread_since is not None:
        syncs = syncs.filter(finished_at__lt=layer.unread_since)
    return syncs.order_by("-started_at").values_list("started_at", flat=True).first() or layer.read_at


def _keep_exposures(held: LayerVersion, document: Document) -> None:
    found = let_in(document, LayerArn.parse(held.arn))
    LayerExposure.objects.filter(layer=held).delete()
    LayerExposure.objects.bulk_create([_row(held, one) for one in found], batch_size=500)
    held.public, held.external = widest(found, "public"), widest(found, "external")


def _row(held: LayerVersion, one: LetIn) -> LayerExposure:
    return LayerExposure(
        layer=held,
        kind=one.kind,
        principal=kept_text(one.principal),
        account=kept_text(one.account)[:12],
        public=one.public,
        external=one.external,
        latent=one.deny or bool(one.latent),
        details={
            "sid": kept_text(one.sid),
            "statement": one.statement,
            "deny": one.deny,
            "depends_on": [kept_text(reason) for reason in one.depends_on],
            "latent": one.latent,
        },
    )


def _tell(held: LayerVersion, changes: Changes, ours: Collection[str]) -> None:
    """An event for what somebody else changed."""
    own = set(ours) | set(LayerGrant.objects.filter(layer=held, state__in=UNSETTLED).values_list("sid", flat=True))
    named = {
        "added": [one.name for one in changes.added if one.sid not in own],
        "removed": [one.name for one in changes.removed if one.sid not in own],
        "changed": [after.name for _, after in changes.changed if after.sid not in own],
    }
    every = [name for names in named.values() for name in names]
    if not every:
        return
    parts = [
        f"{what} {', '.join(f'“{kept_text(name)[:100]}”' for name in names[:8])}" for what, names in named.items() if names
    ]
    history.record(
        "layer.policy-changed",
        f"The policy of {held.label} was changed outside fnshare: {'; '.join(parts)}",
        by=Actor.system(),
        layer=held,
        sid=kept_text(every[0])[:100] if len(every) == 1 else "",
        detail={what: [kept_text(name)[:200] for name in names[:50]] for what, names in named.items()},
    )


def _take_over(layer: LayerVersion, held: LayerVersion) -> None:
    for name in _READ:
        setattr(layer, name, getattr(held, name))
