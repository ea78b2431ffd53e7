"""Test invokes: a real call of a function, on somebody's click, through an invoker role of its own."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from .account import Connection
from .person import Actor, User
from .policy import Policy


class InvocationState(models.TextChoices):
    """A test invoke is a row that a worker answers. Unknown: the call may have happened, and nobody heard the answer."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    UNKNOWN = "unknown", "Unknown"


UNSETTLED = (InvocationState.QUEUED, InvocationState.RUNNING)


class InvocationType(models.TextChoices):
    """Lambda's own names."""

    REQUEST_RESPONSE = "RequestResponse", "Wait for the answer"
    EVENT = "Event", "Hand over and go on"


class InvocationQuerySet(models.QuerySet["Invocation"]):
    """Which test invokes."""

    def asked_by(self, actor: Actor) -> "InvocationQuerySet":
        """One's own: payload and answer are shown to nobody else."""
        if actor.kind != "person" or actor.person is None or not actor.active:
            return self.none()
        return self.filter(person=actor.person)

    def readable(self, now: datetime) -> "InvocationQuerySet":
        """With `shown_payload`, `shown_answer` and `shown_log`: empty once their time is over, swept or not.

        The columns themselves are not fetched: what is not shown is not read either.
        """
        shown: dict[str, Case] = {
            f"shown_{name}": Case(When(wipe_at__gt=now, then=F(column)), default=Value(""), output_field=models.TextField())
            for name, column in (("payload", "payload"), ("answer", "answer"), ("log", "log_tail"))
        }
        shown["in_time"] = Case(
            When(wipe_at__gt=now, then=Value(True)), default=Value(False), output_field=models.BooleanField()
        )
        return self.defer("payload", "answer", "log_tail").annotate(**shown)


class Invocation(models.Model):
    """One real call. `payload`, `answer` and `log_tail` stay for 15 minutes (`wipe_at`), then they are emptied and it is null.

    A real call is never repeated by itself: a worker that dies in the middle leaves it `unknown`. Sizes are in bytes and
    stay; `answer_size` is what AWS announced, also of an answer that was cut.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="invocations")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="invocations")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invocations")
    kind = models.CharField(max_length=15, choices=InvocationType, default=InvocationType.REQUEST_RESPONSE)
    payload = models.TextField(blank=True)
    payload_size = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=7, choices=InvocationState, default=InvocationState.QUEUED)
    status_code = models.PositiveIntegerField(null=True, blank=True)
    function_error = models.CharField(max_length=100, blank=True)
    answer = models.TextField(blank=True)
    answer_size = models.PositiveIntegerField(null=True, blank=True)
    answer_cut = models.BooleanField(default=False, help_text="The answer was longer than what is kept.")
    log_tail = models.TextField(blank=True)
    log_absent = models.CharField(max_length=300, blank=True, help_text="Why there is no log tail.")
    executed_version = models.CharField(max_length=128, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True, help_text="From our side, network included.")
    request_id = models.CharField(max_length=100, blank=True)
    failure = models.TextField(blank=True)
    failure_next = models.TextField(blank=True)
    failure_code = models.CharField(max_length=100, blank=True)
    form_token = models.CharField(max_length=64, null=True, blank=True, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    wipe_at = models.DateTimeField(null=True, blank=True)

    # Only of rows from `readable`.
    in_time: bool
    shown_payload: str
    shown_answer: str
    shown_log: str

    objects = InvocationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["wipe_at"], name="invocation_to_wipe", condition=Q(wipe_at__isnull=False)),
            models.Index(fields=["person", "created_at"], name="invocation_by_person"),
            models.Index(fields=["state"], name="invocation_unsettled", condition=Q(state__in=["queued", "running"])),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=InvocationState.values), name="invocation_state_known"),
            models.CheckConstraint(condition=Q(kind__in=InvocationType.values), name="invocation_kind_known"),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.policy_id} ({self.state})"

    @property
    def is_unsettled(self) -> bool:
        """Whether a worker still has something to do: pages poll while this is true."""
        return self.state in UNSETTLED
