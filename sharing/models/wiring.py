"""Wirings: an event source that somebody wants to drive a function, and how far each of its steps is, on either side."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .function import Function
from .grant import Grant
from .mapping_change import MappingChange
from .person import Actor, User


class WiringState(models.TextChoices):
    """Where it stands. `in-place`: every step was seen; `proved`: and a test event made the function run.

    `said`: nothing is left to do, and of some steps there is only a person's word.
    """

    WORKING = "working", "Under way"
    WAITING = "waiting", "Waits for the other side"
    SAID = "said", "Said to be done"
    IN_PLACE = "in-place", "In place"
    PROVED = "proved", "Proved"
    FAILED = "failed", "Failed"
    STUCK = "stuck", "Stuck"
    UNDOING = "undoing", "Being taken back"
    UNDONE = "undone", "Taken back"


#: Something may still happen by itself: pages poll and workers look.
OPEN_WIRINGS = (WiringState.WORKING, WiringState.WAITING, WiringState.STUCK, WiringState.UNDOING)


class StepState(models.TextChoices):
    """Where a step stands. Told is not seen, and said by a person is not seen either."""

    BLOCKED = "blocked", "Waits for the step before"
    QUEUED = "queued", "Waiting for a worker"
    TOLD = "told", "AWS is at it"
    SEEN = "seen", "In place"
    ASKED = "asked", "Handed over"
    SAID = "said", "Said to be done"
    FAILED = "failed", "Failed"
    STUCK = "stuck", "Stuck"
    UNDOING = "undoing", "Being taken back"
    UNDONE = "undone", "Taken back"
    KEPT = "kept", "Left as it is"


#: A worker has something to do.
OPEN_STEPS = (StepState.QUEUED, StepState.TOLD, StepState.STUCK, StepState.UNDOING)


class TestState(models.TextChoices):
    """A test event: sent is not arrived, and what was not seen may have arrived all the same."""

    __test__ = False

    NONE = "", "Not tried"
    QUEUED = "queued", "Waiting for a worker"
    SENT = "sent", "Sent"
    ARRIVED = "arrived", "The function ran"
    UNSEEN = "unseen", "Not seen to run"
    FAILED = "failed", "Could not be sent"


class WiringQuerySet(models.QuerySet["Wiring"]):
    """Which wirings."""

    def visible_to(self, actor: Actor) -> "WiringQuerySet":
        """Wirings of functions in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(function__account__in=Account.objects.visible_to(actor))

    def open(self) -> "WiringQuerySet":
        """Not settled: something may still happen by itself."""
        return self.filter(state__in=OPEN_WIRINGS)


class Wiring(models.Model):
    """One source wired to one function, alias or version. The rows of its steps are the outbox.

    `kind`: a key of sharing.policy.wiring.SOURCES. `source_account`, `source_region`: of the source, "" where nobody said.
    `options`: what was chosen beside the source, as sharing.policy.wiring.plan takes it (events, prefix, suffix,
    filter_policy, owner_subscribes, caller_role, mapping).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    function = models.ForeignKey(Function, on_delete=models.PROTECT, related_name="wirings")
    qualifier = models.CharField(max_length=128, blank=True)
    kind = models.CharField(max_length=20)
    source_arn = models.CharField(max_length=1024)
    source_account = models.CharField(max_length=12, blank=True)
    source_region = models.CharField(max_length=40, blank=True)
    options = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=WiringState, default=WiringState.WORKING)
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_as = models.CharField(max_length=300, help_text="Actor.label at the time.")
    form_token = models.CharField(max_length=64, null=True, blank=True, unique=True, help_text="The same form, the same row.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)
    abandoned_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is to be taken back.")
    undone_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    undone_as = models.CharField(max_length=300, blank=True, help_text="Actor.label of who abandoned it.")
    undone_reason = models.CharField(max_length=500, blank=True)
    test_state = models.CharField(max_length=8, choices=TestState, default=TestState.NONE, blank=True)
    test_wanted_at = models.DateTimeField(null=True, blank=True)
    test_sent_at = models.DateTimeField(null=True, blank=True)
    test_before = models.PositiveIntegerField(null=True, blank=True, help_text="Runs AWS had counted in that minute before.")
    test_runs = models.PositiveIntegerField(null=True, blank=True, help_text="Runs AWS counted from that minute on.")
    test_failure = models.TextField(blank=True)

    objects = WiringQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["function", "-created_at"], name="wiring_by_function"),
            models.Index(fields=["source_account", "-created_at"], name="wiring_by_source_account"),
            models.Index(fields=["state"], name="wiring_unsettled"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["function", "qualifier", "source_arn"],
                condition=~Q(state="undone"),
                name="wiring_once",
                violation_error_message="This source is wired to this function already.",
            ),
            models.CheckConstraint(condition=Q(state__in=WiringState.values), name="wiring_state_known"),
            models.CheckConstraint(condition=Q(test_state__in=TestState.values), name="wiring_test_known"),
        )

    def __str__(self) -> str:
        return f"{self.source_arn} → {self.function_id} ({self.state})"

    @property
    def is_open(self) -> bool:
        """Whether something may still happen by itself: pages poll while this is true."""
        return self.state in OPEN_WIRINGS or self.test_state in (TestState.QUEUED, TestState.SENT)


class WiringStep(models.Model):
    """One step of a wiring. `key`, `side`, `account`: the planner's. `ours`: a worker does it; else it is handed over.

    `grant`, `mapping_change`: what carries the step, where fnshare has a life cycle for it. `made`: AWS did not have it before
    us, so taking it back is ours to do. `before`, `after`: the source's own configuration around our write, as AWS answered;
    of a policy or a configuration of events only. `evidence`: what was seen, in a sentence. `lease_holder`, `lease_until`: the
    one worker at a time, as for policies.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    wiring = models.ForeignKey(Wiring, on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=20)
    side = models.CharField(max_length=6)
    account = models.CharField(max_length=12, blank=True)
    ours = models.BooleanField()
    state = models.CharField(max_length=8, choices=StepState, default=StepState.BLOCKED)
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="wiring_steps")
    mapping_change = models.ForeignKey(
        MappingChange, null=True, blank=True, on_delete=models.PROTECT, related_name="wiring_steps"
    )
    made = models.BooleanField(default=False)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    evidence = models.TextField(blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    said_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    said_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When it was last handed over to people.")
    remind_at = models.DateTimeField(null=True, blank=True, help_text="When they are reminded of it; null: no more.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="Since when a worker has something to do.")
    next_try_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    failure = models.TextField(blank=True)
    failure_code = models.CharField(max_length=100, blank=True)
    failure_next = models.TextField(blank=True)
    request_id = models.CharField(max_length=100, blank=True, help_text="AWS's, of the write.")
    lease_holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("position",)
        indexes = (
            models.Index(fields=["state", "next_try_at"], name="wiringstep_unsettled"),
            models.Index(fields=["remind_at"], name="wiringstep_remind", condition=Q(state="asked", remind_at__isnull=False)),
        )
        constraints = (
            models.UniqueConstraint(fields=["wiring", "position"], name="wiringstep_in_order"),
            models.UniqueConstraint(fields=["wiring", "key"], name="wiringstep_once"),
            models.CheckConstraint(condition=Q(state__in=StepState.values), name="wiringstep_state_known"),
        )

    def __str__(self) -> str:
        return f"{self.key} of {self.wiring_id} ({self.state})"

    @property
    def is_open(self) -> bool:
        """Whether a worker has something to do."""
        return self.state in OPEN_STEPS


class WiringSource(models.Model):
    """A source that some wiring changes. One worker at a time does so, whichever wiring it is for: S3, SNS and SQS replace
    a whole document at each write, and have nothing that would tell one write from another.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    arn = models.CharField(max_length=1024, unique=True)
    lease_holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.arn
