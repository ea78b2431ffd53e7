"""Signs of life, and what workers count: rows, because web, workers and beat share nothing else for sure."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class PulseKind(models.TextChoices):
    """Whose sign of life."""

    WORKER = "worker", "Worker"
    BEAT = "beat", "Beat"


class Pulse(models.Model):
    """The last sign of life of one process: of a worker that it is there, of beat that it sent the sweep.

    `name`: worker@host or beat@host. `queues`: what a worker serves, joined by commas. A process that ends in order takes
    its row away; one that was killed leaves it to grow old.
    """

    name = models.CharField(primary_key=True, max_length=200)
    kind = models.CharField(max_length=6, choices=PulseKind)
    queues = models.CharField(max_length=200, blank=True)
    began_at = models.DateTimeField(default=timezone.now)
    at = models.DateTimeField()

    class Meta:
        ordering = ("kind", "name")
        constraints = (models.CheckConstraint(condition=Q(kind__in=PulseKind.values), name="pulse_kind_known"),)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"


class CallCount(models.Model):
    """Calls to AWS in one account and region since the beginning, as workers told them after each task.

    `account`: 12 digits, or "" for the worker's own calls to STS. A worker that is killed takes along what it had not told.
    `throttled` and `failed` are parts of `calls`: answered 429, and answered 5xx or not at all.
    """

    account = models.CharField(max_length=12, blank=True)
    region = models.CharField(max_length=30)
    calls = models.PositiveBigIntegerField(default=0)
    throttled = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("account", "region")
        constraints = (models.UniqueConstraint(fields=["account", "region"], name="call_count_once"),)

    def __str__(self) -> str:
        return f"{self.account} {self.region}: {self.calls}"
