"""A worker finds out what a request means, and tells the owners. The door that asked did not look."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from sharing.models import AccessRequest, Actor, Notice, RequestKind
from sharing.services import notices
from sharing.services.history import record
from sharing.services.owning import owners_besides

from .previewing import find_policy


def due(now: datetime) -> list[AccessRequest]:
    """Requests that no worker has looked at, oldest first."""
    return list(AccessRequest.objects.filter(taken_up_at=None, created_at__lte=now).order_by("created_at", "id")[:100])


def take_up(pk: uuid.UUID | str) -> list[Notice]:
    """Find the policy and queue mail to the function's owners; what was queued. Safe to run twice."""
    request = AccessRequest.objects.filter(pk=pk, taken_up_at=None).select_related("person", "account").first()
    if request is None:
        return []
    longer = request.about if request.kind == RequestKind.LONGER else None
    policy = longer.policy if longer else find_policy(request.asked_for)
    with transaction.atomic():
        if not AccessRequest.objects.filter(pk=pk, taken_up_at=None).update(taken_up_at=timezone.now(), policy=policy):
            return []
        if policy is None or request not in AccessRequest.objects.open():
            return []
        people = owners_besides(policy.function, request.person)
        queued = [
            notices.queue(
                "request-made",
                to=person.email,
                person=person,
                access_request=request,
                once=f"request:{request.pk}:{person.email}",
            )
            for person in people
        ]
        record(
            "request.received",
            f"{request.person.email} asks for {request.account}: {request.action}; told {len(people)} of its owners.",
            by=Actor.system(),
            function=policy.function,
            qualifier=policy.qualifier,
            reason=request.reason,
            detail={"request": str(request.pk)},
        )
    return [notice for notice in queued if notice is not None]
