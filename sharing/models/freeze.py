"""Freezes: when nothing may be written that gives access, who said so and why; and the writes that workers count."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .person import User


class Freeze(models.Model):
    """From `began_at` until `ended_at` no worker gives anybody access. One stands at a time; a row survives everything.

    `began_as`: Actor.label at the time; "fnshare" where a worker did it by itself, because a limit was reached.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    standing = models.BooleanField(default=True)
    reason = models.CharField(max_length=500, blank=True)
    began_at = models.DateTimeField(default=timezone.now, editable=False)
    began_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    began_as = models.CharField(max_length=300)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ended_as = models.CharField(max_length=300, blank=True)
    end_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("-began_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["standing"],
                condition=Q(standing=True),
                name="freeze_one_at_a_time",
                violation_error_message="Everything is frozen already.",
            ),
            models.CheckConstraint(
                condition=Q(standing=True, ended_at__isnull=True) | Q(standing=False, ended_at__isnull=False),
                name="freeze_stands_or_ended",
            ),
        )

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M} by {self.began_as}"


class CountedWrite(models.Model):
    """One thing that a worker was about to write, counted for `grants_per_hour` (services.limits) before the write.

    `subject`: the key of the grant, layer grant, mapping change or step; it counts once an hour, however often it is tried.
    """

    id = models.BigAutoField(primary_key=True)
    subject = models.UUIDField()
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=["at", "subject"], name="countedwrite_by_time"),)

    def __str__(self) -> str:
        return f"{self.subject} at {self.at:%Y-%m-%d %H:%M}"
