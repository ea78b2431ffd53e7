"""History: append-only, written in the same transaction as what it tells."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .function import Function
from .grant import Grant
from .layer import LayerVersion
from .person import Actor, User


class AppendOnly(Exception):
    """Someone tried to change or delete history."""


class EventQuerySet(models.QuerySet["Event"]):
    """Which events. History is read and added to, nothing else."""

    def visible_to(self, actor: Actor) -> "EventQuerySet":
        """Events about accounts in scope, and the actor's own."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(Q(account__in=Account.objects.visible_to(actor)) | Q(person=actor.person, account=None))

    def update(self, **_kwargs: Any) -> int:
        """Refused."""
        raise AppendOnly("Events are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused."""
        raise AppendOnly("Events are never deleted.")


class Event(models.Model):
    """One line: who did what, why, and what AWS answered. `sequence` grows; gaps mean a rolled-back transaction.

    `verb`: noun-dot-past-tense, such as `grant.requested`, `grant.active`, `sync.finished`, `policy.changed`.
    `text`: the sentence a person reads. `detail`: small facts (never tokens, credentials or whole policies).
    """

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField(default=timezone.now)
    verb = models.CharField(max_length=40)
    text = models.TextField()
    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=300, help_text="Actor.label at the time.")
    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    function = models.ForeignKey(Function, null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    qualifier = models.CharField(max_length=128, blank=True)
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    layer = models.ForeignKey(LayerVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    sid = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("-sequence",)
        indexes = (
            models.Index(fields=["function", "-sequence"], name="event_by_function"),
            models.Index(fields=["account", "-sequence"], name="event_by_account"),
            models.Index(fields=["grant", "-sequence"], name="event_by_grant"),
            models.Index(fields=["layer", "-sequence"], name="event_by_layer"),
            models.Index(fields=["verb", "-sequence"], name="event_by_verb"),
            models.Index(fields=["at"], name="event_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.sequence} {self.verb}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only."""
        if not self._state.adding:
            raise AppendOnly("Events are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused."""
        raise AppendOnly("Events are never deleted.")
