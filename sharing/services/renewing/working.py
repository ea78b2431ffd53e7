"""Making anew what is kept by other rules than those of this version: a slice at a time, from a checkpoint on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.models import Account, FindingPass, LayerVersion, Mention, Policy, PolicyVersion, Renewal, TallyDue
from sharing.policy import findings as rules
from sharing.services import tallying, waking
from sharing.services.layers.storing import expose_anew as expose_layer_anew
from sharing.services.syncing.mentioned import mentioned
from sharing.services.syncing.storing import expose_anew

from .telling import MARK, VERSIONS, is_old

log = structlog.get_logger(__name__)

#: One slice of work; a worker then lets others at the queue.
_SLICE: Final = 20.0
_LEASE: Final = timedelta(minutes=5)
_CHUNK: Final = 100
#: Beside the versions: the rules of which the checkpoint is.
_AT: Final = "at"


def due(now: datetime) -> bool:
    """Whether something is to be made anew and nobody is at it. One query; another one on the very first time."""
    held = Renewal.objects.filter(pk=1).first()
    if held is None:  # an installation that began with these rules
        Renewal.objects.get_or_create(pk=1, defaults={"mark": MARK, "made": dict(VERSIONS)})
        return False
    return is_old(held.mark) and (held.lease_until is None or held.lease_until <= now)


def renew(*, now: datetime | None = None, seconds: float = _SLICE) -> bool:
    """Make anew what is of other rules. True: more is to be done at once, so call it again.

    Safe to run twice, at the same time as well: one has the row, the other does nothing and says False.
    """
    now = now or timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    if not Renewal.objects.filter(free, pk=1).exclude(mark=MARK).update(lease_until=now + _LEASE):
        return False
    row = Renewal.objects.get(pk=1)
    ends = time.monotonic() + seconds
    try:
        for name, version in VERSIONS.items():
            if row.made.get(name) == version:
                continue
            _begin(row, f"{name}-{version}")
            if not _MAKE[name](row, ends):
                return name != _WAITS
            row.made[name] = version
            _reached(row, "")
            log.info("made_anew", what=name, version=version)
        row.mark = MARK
    finally:
        row.lease_until = None
        row.save(update_fields=["mark", "lease_until", "made", "checkpoint"])
    return False


def _begin(row: Renewal, rules: str) -> None:
    """Go on from the checkpoint only if it is of these rules: another upgrade may have come before it was at the end."""
    if row.made.get(_AT) != rules:
        row.made[_AT] = rules
        _reached(row, "")


def _reached(row: Renewal, key: str) -> None:
    row.checkpoint = key
    row.save(update_fields=["made", "checkpoint"])


def _exposures(row: Renewal, ends: float) -> bool:
    """What each policy lets in; where that is not as it was, what follows from it is marked by whoever writes it."""
    return _each(row, Policy.objects.filter(current__isnull=False), expose_anew, ends)


def _layers(row: Renewal, ends: float) -> bool:
    return _each(row, LayerVersion.objects.filter(current__isnull=False), expose_layer_anew, ends)


def _each(row: Renewal, rows: QuerySet[Any], make: Callable[[Any], None], ends: float) -> bool:
    """Do it with each key after the checkpoint; whether that was all. Which come meanwhile are made by the rules of now."""
    keys = rows.order_by("pk").values_list("pk", flat=True)
    while some := list((keys.filter(pk__gt=row.checkpoint) if row.checkpoint else keys)[:_CHUNK]):
        for pk in some:
            make(pk)
        _reached(row, str(some[-1]))
        if time.monotonic() > ends:
            return False
    return True


def _mentions(row: Renewal, ends: float) -> bool:
    """Which digits every content held. What was found before stays: it only says where to look."""
    contents = PolicyVersion.objects.exclude(document="").order_by("pk")
    columns = ("pk", "policy_id", "policy__function__account__number", "document")
    while some := list(contents.filter(pk__gt=int(row.checkpoint or 0)).values_list(*columns)[:_CHUNK]):
        new = {(policy, number) for _, policy, owner, text in some for number in mentioned(text, owner)}
        made = [Mention(policy_id=policy, number=number) for policy, number in sorted(new, key=str)]
        Mention.objects.bulk_create(made, batch_size=500, ignore_conflicts=True)
        _reached(row, str(some[-1][0]))
        if time.monotonic() > ends:
            return False
    return True


def _tallies(_row: Renewal, _ends: float) -> bool:
    """Every account is counted anew by whoever counts; until then its counts say that they are older."""
    with transaction.atomic():
        accounts = Account.objects.filter(tallied__isnull=False).values_list("pk", flat=True)
        TallyDue.objects.bulk_create([TallyDue(account_id=pk) for pk in accounts], batch_size=500)
        tallying.add_up_all()
    return True


def _wakers(_row: Renewal, _ends: float) -> bool:
    """Every function's rows are made anew by whoever makes them; until then the list reads these functions in full."""
    waking.note_all()
    return True


def _findings(_row: Renewal, _ends: float) -> bool:
    """They are judged anew by whoever judges them (services.findings.refreshing), whose mark has the version as well."""
    held = FindingPass.objects.filter(pk=1).first()
    return held is None or (held.mark.get("rules") == rules.VERSION and not held.checkpoint)


_MAKE: Final[Mapping[str, Callable[[Renewal, float], bool]]] = {
    "wakers": _wakers,
    "tallies": _tallies,
    "exposures": _exposures,
    "layers": _layers,
    "mentions": _mentions,
    "findings": _findings,
}
#: What somebody else makes: nothing is gained by asking again at once.
_WAITS: Final = "findings"
