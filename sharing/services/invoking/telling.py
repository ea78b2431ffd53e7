"""The asker's own test invokes, for pages. Nobody else is shown one, admins included; owners see the events."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from sharing.models import Actor, Membership, Policy
from sharing.models.invocation import Invocation, InvocationQuerySet


def for_owner(by: Actor, now: datetime) -> InvocationQuerySet:
    """Those that `by` asked for as an owner, while the function is in their scope."""
    found = _own(by, now).filter(policy__in=Policy.objects.visible_to(by))
    return found.filter(connection__account=F("policy__function__account"))


def for_consumer(by: Actor, now: datetime) -> InvocationQuerySet:
    """Those that `by` asked for as an account they still act for."""
    found = _own(by, now).filter(connection__account__in=Membership.objects.of(by).values("account"))
    return found.exclude(connection__account=F("policy__function__account"))


def _own(by: Actor, now: datetime) -> InvocationQuerySet:
    related = ("policy__function__account", "connection__account")
    return Invocation.objects.asked_by(by).select_related(*related).readable(now)
