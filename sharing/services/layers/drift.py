"""What a changed policy means for grants of a layer version: their statement is gone, or is not what was granted."""

from __future__ import annotations

from datetime import datetime

from sharing.models import Actor, GrantState, LayerGrant, LayerVersion, Wanted
from sharing.policy import Document, same_statement
from sharing.services import history

CHANGED = "statement-changed"


def note_drift(layer: LayerVersion, document: Document, *, read_at: datetime) -> None:
    """Compare active grants with the policy as read. Call inside the transaction that stores it."""
    for grant in LayerGrant.objects.filter(layer=layer, state=GrantState.ACTIVE, wanted=Wanted.PRESENT):
        if grant.settled_at is not None and grant.settled_at > read_at:
            continue  # settled after this read was made: it has been looked at more lately
        grant.layer = layer
        found = document.by_sid(grant.sid)
        if not found:
            vanish(grant, "AWS no longer has the statement, and fnshare did not remove it.", read_at)
        elif not any(same_statement(one.raw, grant.statement) for one in found):
            _changed(grant)
        elif grant.failure_code == CHANGED:
            LayerGrant.objects.filter(pk=grant.pk, failure_code=CHANGED).update(failure="", failure_code="", failure_next="")
            text = f"The statement “{grant.sid}” of the share with {grant.principal} is as granted again"
            history.record("layer.statement-restored", text, by=Actor.system(), layer=layer, sid=grant.sid)


def vanish(grant: LayerGrant, failure: str, at: datetime) -> bool:
    """Active → vanished, with its event. False: it was not active any more."""
    moved = LayerGrant.objects.filter(pk=grant.pk, state=GrantState.ACTIVE, wanted=Wanted.PRESENT).update(
        state=GrantState.VANISHED,
        settled_at=at,
        unsettled_since=None,
        next_try_at=None,
        failure=failure,
        failure_code="vanished",
        failure_next="Share it again if it is still wanted, or leave it.",
    )
    if moved:
        history.record(
            "layer.share-vanished",
            f"The share of {grant.layer.label} with {grant.principal} is gone from AWS: {failure[:1].lower()}{failure[1:]}",
            by=Actor.system(),
            layer=grant.layer,
            sid=grant.sid,
        )
    return bool(moved)


def _changed(grant: LayerGrant) -> None:
    failure = "The statement in AWS is not what was granted: another tool changed it."
    told = (
        LayerGrant.objects.filter(pk=grant.pk, state=GrantState.ACTIVE)
        .exclude(failure=failure)
        .update(
            failure=failure,
            failure_code=CHANGED,
            failure_next="Look at the policy. Take the share back and share anew, or accept what is there.",
        )
    )
    if told:
        history.record(
            "layer.statement-changed",
            f"The statement “{grant.sid}” of the share with {grant.principal} changed outside fnshare. {failure}",
            by=Actor.system(),
            layer=grant.layer,
            sid=grant.sid,
        )
