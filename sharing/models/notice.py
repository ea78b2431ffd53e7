"""Mail that has to leave. The row is the outbox; it says what about, never the words: those are written when it is sent."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .grant import Grant
from .person import User


class NoticeState(models.TextChoices):
    """Where it stands."""

    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    DROPPED = "dropped", "Not needed any more"
    FAILED = "failed", "Failed"


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Which notices."""

    def due(self, now: datetime) -> "NoticeQuerySet":
        """Queued, and not waiting for a later try."""
        return self.filter(state=NoticeState.QUEUED).filter(Q(next_try_at=None) | Q(next_try_at__lte=now))


class Notice(models.Model):
    """One mail to one address, of one kind (services.mailing.KINDS), about one row.

    `once`: the same notice is never queued twice (such as "lease-7:GRANT:END:ADDRESS"). `detail`: small facts; never a
    token, a link that signs somebody in, or a policy.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    to = models.EmailField()
    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    invitation = models.ForeignKey(
        "sharing.Invitation", null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="notices")
    access_request = models.ForeignKey(
        "sharing.AccessRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    detail = models.JSONField(default=dict, blank=True)
    once = models.CharField(max_length=400, null=True, blank=True, unique=True)
    state = models.CharField(max_length=7, choices=NoticeState, default=NoticeState.QUEUED)
    subject = models.CharField(max_length=300, blank=True, help_text="As sent.")
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    failure = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (models.Index(fields=["created_at"], name="notice_queued", condition=Q(state="queued")),)
        constraints = (models.CheckConstraint(condition=Q(state__in=NoticeState.values), name="notice_state_known"),)

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"
