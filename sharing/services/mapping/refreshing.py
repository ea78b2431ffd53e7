"""Mappings read again while somebody looks at them: a row wants it, a worker lists those of its function."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from sharing.aws.errors import AwsError
from sharing.models import Actor, Function, Mapping
from sharing.services.connecting import functions, manager_of
from sharing.services.errors import NotFound, Refusal
from sharing.services.syncing.keeping import keep_mappings

#: What was read within this time is shown as it is.
FRESH = timedelta(minutes=1)
#: A read that is wanted for so long was lost on its way to a worker.
_FORGOTTEN = timedelta(seconds=20)


def want(mapping: Mapping, *, by: Actor, now: datetime | None = None, anyway: bool = False) -> bool:
    """Ask for the mapping to be read again, unless it is fresh (but `anyway`) or somebody just asked.

    Whether a worker should be told.
    """
    now = now or timezone.now()
    if not by.sees(mapping.function.account_id):
        raise NotFound("That event source mapping")
    if mapping.vanished_at is not None or not (anyway or is_stale(mapping, now=now)):
        return False
    unasked = Mapping.objects.filter(pk=mapping.pk, read_wanted_at=None)
    if not unasked.update(read_wanted_at=now):
        return False
    mapping.read_wanted_at = now
    return True


def is_stale(mapping: Mapping, *, now: datetime) -> bool:
    """Whether what is known of it is older than a page should show."""
    return mapping.read_at is None or mapping.read_at <= now - FRESH


def read(pk: uuid.UUID | str) -> None:
    """Read the mapping with those of its function (ListEventSourceMappings); what fails is on the row. Safe to run twice."""
    mapping = Mapping.objects.select_related("function__account").filter(pk=pk).exclude(read_wanted_at=None).first()
    if mapping is None:
        return
    function = mapping.function
    failure = ""
    at = timezone.now()
    try:
        calls = functions(manager_of(function.account), function.region, purpose="click")
        listed = calls.mappings(function.name)
        with transaction.atomic():
            keep_mappings(function, [one for one in listed if one.function.unqualified.name == function.name], at)
            Function.objects.filter(pk=function.pk).update(mappings_read_at=at)
    except AwsError as error:
        failure = f"{error.sentence} {error.next}".strip()
    except Refusal as refusal:
        failure = f"{refusal.message} {refusal.next}".strip()
    Mapping.objects.filter(pk=mapping.pk).update(read_wanted_at=None, read_failure=failure[:500])


def reads_due(now: datetime) -> list[Mapping]:
    """Mappings that were wanted to be read and were not: the broker or a worker was away."""
    return list(Mapping.objects.filter(read_wanted_at__lte=now - _FORGOTTEN).order_by("read_wanted_at")[:200])
