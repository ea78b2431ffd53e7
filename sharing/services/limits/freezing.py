"""Freezing: nothing is written that gives access, until an admin ends it. Whatever waits goes on by itself then."""

from __future__ import annotations

import uuid
from typing import Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from sharing.models import Actor, Freeze, Grant, LayerGrant, MappingChange, Notice, Role, User, WiringStep
from sharing.services import notices
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.history import record

log = structlog.get_logger(__name__)

#: `failure_code` of a row that waits for the end of a freeze.
FROZEN: Final = "frozen"
ONLY_ADMINS: Final = "Only an admin of fnshare freezes and unfreezes."
#: What a freeze stops and what goes on, for pages and commands.
FREEZES: Final = (
    "Nothing is written to AWS that gives anybody access: shares, write-backs, layers, wirings and mappings wait. "
    "Later end dates are refused. Revokes, end dates and deletions go on."
)


def standing() -> Freeze | None:
    """The freeze that stands now. One query; never remembered, so that a freeze holds from the next write on."""
    return Freeze.objects.filter(standing=True).first()


def is_frozen() -> bool:
    """Whether a freeze stands now."""
    return Freeze.objects.filter(standing=True).exists()


def freeze(*, by: Actor, reason: str = "") -> tuple[Freeze, list[Notice]]:
    """Stop every write that gives access, and the mail that tells every admin. Frozen already: that freeze, and no mail.

    Raises NotPermitted, Refusal (a reason that is too long).
    """
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    return _begin(by, _checked(reason))


def unfreeze(*, by: Actor, reason: str = "", which: uuid.UUID | None = None) -> tuple[Freeze, list[Notice]]:
    """Let writes go on: what waited is due at once. `which`: only if it is still this freeze that stands.

    Raises NotPermitted, Refusal (`stale`: nothing, or another one, is frozen).
    """
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    reason = _checked(reason)
    with transaction.atomic():
        ended = {"ended_by": by.person, "ended_as": by.label[:300], "end_reason": reason}
        found = standing()
        if found is None:
            raise Refusal("Nothing is frozen.", next="Reload the page to see how it is now.", code="stale")
        one = Freeze.objects.filter(pk=which or found.pk, standing=True)
        if not one.update(standing=False, ended_at=timezone.now(), **ended):
            raise Refusal("That freeze is over, and another one stands.", next="Reload the page and read why.", code="stale")
        found.refresh_from_db()
        for kind in (Grant, LayerGrant, MappingChange, WiringStep):
            kind.objects.filter(failure_code=FROZEN).update(next_try_at=None)
        record("freeze.ended", "Writes that give access go on.", by=by, reason=reason)
        return found, _mail("unfrozen", found)


def begin_by_worker(reason: str) -> Freeze:
    """A worker stops everything by itself, and alarms: log, history, mail to every admin (the sweep sends it)."""
    log.critical("frozen_by_worker", reason=reason)
    return _begin(Actor.system(), reason)[0]


def _begin(by: Actor, reason: str) -> tuple[Freeze, list[Notice]]:
    try:
        with transaction.atomic():
            made = Freeze.objects.create(reason=reason, began_by=by.person, began_as=by.label[:300])
            record("freeze.began", "Everything that gives access is frozen.", by=by, reason=reason)
            mail = _mail("frozen", made)
    except IntegrityError:
        found = standing()
        if found is None:
            raise Refusal("Somebody unfroze at the same moment.", next="Freeze again.", code="conflict") from None
        return found, []
    log.warning("frozen", by=by.label)
    return made, mail


def _mail(kind: str, about: Freeze) -> list[Notice]:
    """To every admin, whoever did it: it is no secret between them."""
    detail = {"freeze": str(about.pk)}
    people: QuerySet[User, User] = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("email")
    queued = [notices.queue(kind, to=one.email, person=one, detail=detail) for one in people]
    return [notice for notice in queued if notice is not None]


def _checked(reason: str) -> str:
    reason = " ".join(reason.split())
    if len(reason) > 500:
        raise Refusal(f"The reason has {len(reason)} characters; 500 are kept.", next="Shorten it.", field="reason")
    return reason
