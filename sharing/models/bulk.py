"""Many shares at once: one decision over many functions and principals, each of which becomes a grant of its own."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .grant import Grant, Wanted
from .group import Group, GroupShare
from .person import Actor, User
from .policy import Policy


class BulkState(models.TextChoices):
    """Where it stands. `draft`: only previewed, nothing is written. What became of the items is their own."""

    DRAFT = "draft", "Preview"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"


class Judgement(models.TextChoices):
    """What the preview said about a line. Only the first two are written."""

    OK = "ok", "Will be shared"
    SECOND = "second", "Needs a second person"
    ALREADY = "already", "Already granted"
    DUPLICATE = "duplicate", "Same as an earlier line"
    FUNCTION = "function", "No such function"
    PRINCIPAL = "principal", "Bad principal"
    FULL = "full", "Policy full"
    CLOSED = "closed", "No way in"
    INVALID = "invalid", "Cannot be shared"


#: What becomes a grant once the preview is confirmed.
WRITTEN = (Judgement.OK, Judgement.SECOND)


class BulkItemState(models.TextChoices):
    """How far an item is. Once it is `made`, how it went is its grant's state."""

    WAITING = "waiting", "Waiting"
    MADE = "made", "Made"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    SKIPPED = "skipped", "Not written"


class BulkQuerySet(models.QuerySet["Bulk"]):
    """Which bulks, and for whom."""

    def visible_to(self, actor: Actor) -> "BulkQuerySet":
        """Confirmed ones all of whose functions are in the actor's scope; a draft is seen by who made it alone."""
        if not actor.active or actor.is_consumer:
            return self.none()
        if actor.person is None:
            return self
        inside = Account.objects.visible_to(actor)
        outside = BulkPlace.objects.exclude(policy__function__account__in=inside).values("bulk")
        of_others = ~Q(state=BulkState.DRAFT) & Q(pk__in=BulkPlace.objects.values("bulk"))
        return self.filter(of_others | Q(requested_by=actor.person)).exclude(pk__in=outside)

    def running(self) -> "BulkQuerySet":
        """A worker has something to do."""
        return self.filter(state=BulkState.RUNNING)


class Bulk(models.Model):
    """One decision about many shares. Its items are the outbox: a worker makes a grant of each, however often it is killed.

    `wanted`: absent once all of it is taken back. `judged_at`: when the verdicts of the preview were made.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=7, choices=BulkState, default=BulkState.DRAFT)
    wanted = models.CharField(max_length=7, choices=Wanted, default=Wanted.PRESENT)
    title = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_as = models.CharField(max_length=300, help_text="Actor.label at the time.")
    operator = models.CharField(max_length=100, blank=True, help_text="Who ran the command, if it was one.")
    form_token = models.CharField(max_length=64, null=True, blank=True, unique=True, help_text="The same form, the same row.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    judged_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Whose members change with it."
    )
    joins = models.JSONField(default=list, blank=True, help_text="Accounts that are in the group once it is confirmed.")
    leaves = models.JSONField(default=list, blank=True, help_text="Accounts that are not any more.")
    ends_group = models.BooleanField(default=False)
    revoked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    revoked_operator = models.CharField(max_length=100, blank=True)
    revoke_reason = models.CharField(max_length=500, blank=True)

    objects = BulkQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (models.Index(fields=["state", "created_at"], name="bulk_by_state"),)
        constraints = (
            models.CheckConstraint(condition=Q(state__in=BulkState.values), name="bulk_state_known"),
            models.CheckConstraint(condition=Q(wanted__in=Wanted.values), name="bulk_wanted_known"),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(confirmed_at__isnull=False), name="bulk_confirmed_before_it_runs"
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """Whether something is left to do or to resume."""
        return self.state in (BulkState.RUNNING, BulkState.PAUSED)


class BulkPlaceQuerySet(models.QuerySet["BulkPlace"]):
    """Which policies of bulks."""

    def due(self, now: datetime) -> "BulkPlaceQuerySet":
        """With something left to do, whose time has come, and which no worker holds."""
        its_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
        free = Q(held_until=None) | Q(held_until__lte=now)
        return self.filter(its_time & free, open=True, bulk__state=BulkState.RUNNING)


class BulkPlace(models.Model):
    """A policy that a bulk writes to. One worker at a time takes it and does its items one after another.

    `held_by`, `held_until`: that worker, by compare-and-set. `next_try_at`: left alone until then, others go first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bulk = models.ForeignKey(Bulk, on_delete=models.CASCADE, related_name="places")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(help_text="Their order.")
    open = models.BooleanField(default=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    held_by = models.CharField(max_length=64, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)

    objects = BulkPlaceQuerySet.as_manager()

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["bulk", "policy"], name="bulkplace_once"),)
        indexes = (models.Index(fields=["bulk", "open", "next_try_at"], name="bulkplace_due"),)

    def __str__(self) -> str:
        return f"{self.bulk_id} {self.policy_id}"


class BulkItem(models.Model):
    """One line: one principal on one function, alias or version. `form_token` makes its grant the only one.

    `function`: as it was given; `who`: the principal's own form, or as given where it cannot be read. `verdict`, `says`,
    `next`: of the preview. `grant`: what it became, or for a line that was already granted the grant that there is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bulk = models.ForeignKey(Bulk, on_delete=models.CASCADE, related_name="items")
    number = models.PositiveIntegerField(help_text="The line, from 1.")
    place = models.ForeignKey(BulkPlace, null=True, blank=True, on_delete=models.SET_NULL, related_name="items")
    function = models.CharField(max_length=400, blank=True)
    who = models.CharField(max_length=2048, blank=True)
    who_label = models.CharField(max_length=2200, blank=True)
    action = models.CharField(max_length=100, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    verdict = models.CharField(max_length=9, choices=Judgement)
    unreadable = models.BooleanField(default=False, help_text="What is wrong is in the line itself.")
    says = models.TextField(blank=True)
    next = models.TextField(blank=True)
    state = models.CharField(max_length=9, choices=BulkItemState, default=BulkItemState.WAITING)
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    share = models.ForeignKey(GroupShare, null=True, blank=True, on_delete=models.PROTECT, related_name="items")
    attempt = models.PositiveIntegerField(default=0)
    failure = models.TextField(blank=True)
    failure_next = models.TextField(blank=True)

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=["bulk", "number"], name="bulkitem_once"),
            models.CheckConstraint(condition=Q(state__in=BulkItemState.values), name="bulkitem_state_known"),
            models.CheckConstraint(condition=Q(verdict__in=Judgement.values), name="bulkitem_verdict_known"),
            models.CheckConstraint(condition=~Q(state="made") | Q(grant__isnull=False), name="bulkitem_made_has_a_grant"),
        )
        indexes = (
            models.Index(fields=["place", "state", "number"], name="bulkitem_by_place"),
            models.Index(fields=["bulk", "state"], name="bulkitem_by_state"),
            models.Index(fields=["bulk", "verdict", "number"], name="bulkitem_by_verdict"),
        )

    def __str__(self) -> str:
        return f"{self.bulk_id} {self.number}"

    @property
    def form_token(self) -> str:
        """The token of its grant: the same try, the same grant, whoever makes it."""
        return f"bulk-{self.pk.hex}-{self.attempt}"
