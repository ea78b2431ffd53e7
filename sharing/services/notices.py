"""Queueing mail: a row in the transaction of what it tells. A worker writes the words and sends them (services.mailing)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sharing.models import AccessRequest, Grant, Invitation, Notice, User


def queue(
    kind: str,
    *,
    to: str,
    person: User | None = None,
    invitation: Invitation | None = None,
    grant: Grant | None = None,
    access_request: AccessRequest | None = None,
    detail: dict[str, Any] | None = None,
    once: str = "",
) -> Notice | None:
    """A notice of this kind (a key of services.mailing.KINDS) to this address.

    once: a name under which it is queued only once, ever; None is returned when it was queued before. The door or task that
    caused it calls `soon(send_notice, notice.pk, queue="mail")`; without that the sweep finds it.
    """
    fields = {
        "kind": kind,
        "to": to.strip().lower(),
        "person": person,
        "invitation": invitation,
        "grant": grant,
        "access_request": access_request,
        "detail": detail or {},
    }
    if not once:
        return Notice.objects.create(**fields)
    notice, made = Notice.objects.get_or_create(once=once, defaults=fields)
    return notice if made else None


def due(now: datetime) -> list[Notice]:
    """What a worker should send now, oldest first; some of it when there is much."""
    return list(Notice.objects.due(now).order_by("created_at", "id")[:200])
