"""Changes of event source mappings: what a person decided, and how far AWS is with it."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .function import Function
from .mapping import Mapping
from .person import Actor, User


class MappingChangeKind(models.TextChoices):
    """What is wanted."""

    CREATE = "create", "Create"
    UPDATE = "update", "Change"
    PAUSE = "pause", "Pause"
    RESUME = "resume", "Resume"
    DELETE = "delete", "Delete"


class MappingChangeState(models.TextChoices):
    """Where it stands. `told`: AWS accepted it and is not there yet. `stuck`: unsettled for long, and still tried."""

    QUEUED = "queued", "Waiting for a worker"
    TOLD = "told", "AWS is at it"
    STUCK = "stuck", "Stuck"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


#: What makes a function be run by somebody, or by more than before; the others take that away.
GIVES = (MappingChangeKind.CREATE, MappingChangeKind.UPDATE, MappingChangeKind.RESUME)
OPEN_CHANGES = (MappingChangeState.QUEUED, MappingChangeState.TOLD, MappingChangeState.STUCK)


class MappingChangeQuerySet(models.QuerySet["MappingChange"]):
    """Which changes."""

    def visible_to(self, actor: Actor) -> "MappingChangeQuerySet":
        """Changes of mappings onto functions in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(function__account__in=Account.objects.visible_to(actor))

    def open(self) -> "MappingChangeQuerySet":
        """A worker still has something to do."""
        return self.filter(state__in=OPEN_CHANGES)


class MappingChange(models.Model):
    """One wish about one mapping; the row is the outbox, and a worker makes AWS agree with it.

    `mapping`: null until AWS created it. `options`: parameters of CreateEventSourceMapping or UpdateEventSourceMapping in
    AWS's words, without function and source. `told_at`: when AWS accepted it; from then on only its state is looked at.
    `lease_holder`, `lease_until`: the one worker at a time, as for policies.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=6, choices=MappingChangeKind)
    state = models.CharField(max_length=6, choices=MappingChangeState, default=MappingChangeState.QUEUED)
    function = models.ForeignKey(Function, on_delete=models.PROTECT, related_name="mapping_changes")
    qualifier = models.CharField(max_length=128, blank=True)
    source_arn = models.CharField(max_length=1024, blank=True)
    mapping = models.ForeignKey(Mapping, null=True, blank=True, on_delete=models.PROTECT, related_name="changes")
    options = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_as = models.CharField(max_length=300, help_text="Actor.label at the time.")
    form_token = models.CharField(max_length=64, null=True, blank=True, unique=True, help_text="The same form, the same row.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    told_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    failure = models.TextField(blank=True)
    failure_code = models.CharField(max_length=100, blank=True)
    failure_next = models.TextField(blank=True)
    request_id = models.CharField(max_length=100, blank=True, help_text="AWS's, of the write.")
    lease_holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = MappingChangeQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["function", "-created_at"], name="mappingchange_by_function"),
            models.Index(fields=["state", "next_try_at"], name="mappingchange_unsettled"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["mapping"],
                condition=Q(state__in=["queued", "told", "stuck"]),
                name="mappingchange_one_at_a_time",
                violation_error_message="Another change of this mapping is under way.",
            ),
            models.UniqueConstraint(
                fields=["function", "qualifier", "source_arn"],
                condition=Q(state__in=["queued", "told", "stuck"], kind="create"),
                name="mappingchange_created_once",
                violation_error_message="This mapping is being created already.",
            ),
            models.CheckConstraint(condition=Q(state__in=MappingChangeState.values), name="mappingchange_state_known"),
            models.CheckConstraint(condition=Q(kind__in=MappingChangeKind.values), name="mappingchange_kind_known"),
            models.CheckConstraint(condition=Q(kind="create") | Q(mapping__isnull=False), name="mappingchange_of_a_mapping"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.source_arn} → {self.function_id} ({self.state})"

    @property
    def is_open(self) -> bool:
        """Whether a worker still has something to do: pages poll while this is true."""
        return self.state in OPEN_CHANGES
