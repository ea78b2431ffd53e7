"""Syncs: one read of one account and region, resumable, its progress a row."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .function import Function
from .person import Actor, User


class SyncKind(models.TextChoices):
    """What is read."""

    SWEEP = "sweep", "Functions, aliases and their policies"
    FUNCTION = "function", "One function, everything"
    DETAILS = "details", "Versions' policies, tags and URLs"
    LAYERS = "layers", "Layer versions and their policies"


class SyncState(models.TextChoices):
    """Where it stands. `partial`: finished, but something stayed unread (`unread` counts it)."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    PARTIAL = "partial", "Done, something unread"
    FAILED = "failed", "Failed"


OPEN = (SyncState.QUEUED, SyncState.RUNNING)


class SyncQuerySet(models.QuerySet["Sync"]):
    """Which syncs."""

    def visible_to(self, actor: Actor) -> "SyncQuerySet":
        """Syncs of accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(account__in=Account.objects.visible_to(actor))

    def open(self) -> "SyncQuerySet":
        """Queued or running."""
        return self.filter(state__in=OPEN)

    def complete(self) -> "SyncQuerySet":
        """Came to the end of the list (with or without something unread)."""
        return self.filter(state__in=(SyncState.DONE, SyncState.PARTIAL))


class Sync(models.Model):
    """One read of (account, region). A partial unique index is the lock: asking while one runs joins it.

    `done` of `total` functions; `checkpoint` is the ARN after which a killed sync goes on; `listed` is kept for that too.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="syncs")
    region = models.CharField(max_length=30)
    kind = models.CharField(max_length=8, choices=SyncKind, default=SyncKind.SWEEP)
    function = models.ForeignKey(Function, null=True, blank=True, on_delete=models.PROTECT, related_name="syncs")
    state = models.CharField(max_length=7, choices=SyncState, default=SyncState.QUEUED)
    pace_share = models.FloatField(null=True, blank=True, help_text="For this run only; null: the installation's.")
    total = models.PositiveIntegerField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    unread = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)
    stands_for = models.PositiveIntegerField(default=1, help_text="Quiet reads of that day that this row stands for.")
    checkpoint = models.JSONField(default=dict, blank=True)
    failure = models.TextField(blank=True)
    failure_code = models.CharField(max_length=100, blank=True)
    failure_next = models.TextField(blank=True)
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_as = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    announced_at = models.DateTimeField(null=True, blank=True, help_text="When a message last told workers of it.")
    started_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = SyncQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["account", "region", "kind", "-finished_at"], name="sync_latest"),
            # All that is asked about how the reads of each place ended, so that no row is read for it.
            models.Index(fields=["kind", "account", "region", "state", "finished_at", "started_at"], name="sync_by_place"),
            # Every page says when something was read last, and whether something is being read. Not partial: SQLite takes a
            # partial index only for values that are written into the query, and these are bound.
            models.Index(fields=["kind", "-finished_at"], name="sync_swept"),
            models.Index(fields=["state"], name="sync_by_state"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["account", "region", "kind"],
                condition=Q(state__in=["queued", "running"]) & Q(function__isnull=True),
                name="sync_one_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["function"],
                condition=Q(state__in=["queued", "running"]) & Q(function__isnull=False),
                name="sync_one_per_function",
            ),
            models.CheckConstraint(condition=Q(state__in=SyncState.values), name="sync_state_known"),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.account_id} {self.region}: {self.state}"
