"""Checks: DryRuns made as a named principal of the consumer."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account, Connection
from .grant import Grant, Verdict
from .person import Actor, User
from .policy import Policy


class CheckState(models.TextChoices):
    """A check is a row that a worker answers."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"


class Occasion(models.TextChoices):
    """Why the check was made."""

    GRANT = "grant", "after the grant"
    REVOKE = "revoke", "after it was taken away"
    CLICK = "click", "on request"
    SCHEDULE = "schedule", "weekly"


class CheckQuerySet(models.QuerySet["Check"]):
    """Which checks."""

    def visible_to(self, actor: Actor) -> "CheckQuerySet":
        """Checks on functions of accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(policy__function__account__in=Account.objects.visible_to(actor))

    def open(self) -> "CheckQuerySet":
        """Not answered yet."""
        return self.exclude(state=CheckState.DONE)


class Check(models.Model):
    """One question: may this principal invoke exactly this function, alias or version? And its answer.

    `expected`: what would be good news ("allowed" after a grant, "denied" after a revoke). Within the propagation window a
    contrary answer is tried again at `next_try_at`, until `give_up_at` (aws-facts 1.6), and never shown on the way.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="checks")
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="checks")
    connection = models.ForeignKey(Connection, null=True, blank=True, on_delete=models.PROTECT, related_name="checks")
    occasion = models.CharField(max_length=8, choices=Occasion)
    expected = models.CharField(max_length=9, choices=Verdict.choices, blank=True)
    state = models.CharField(max_length=7, choices=CheckState, default=CheckState.QUEUED)
    asked_as = models.CharField(max_length=600, blank=True, help_text="Account id or role ARN that was asked for.")
    principal = models.CharField(max_length=600, blank=True, help_text="The principal that really tried.")
    verdict = models.CharField(max_length=9, choices=Verdict.choices, blank=True)
    answer = models.CharField(max_length=20, blank=True, help_text="aws.checking.Answer, e.g. denied-resource.")
    detail = models.TextField(blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_as = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    give_up_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = CheckQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (models.Index(fields=["policy", "-created_at"], name="check_by_policy"),)
        constraints = (
            models.UniqueConstraint(
                fields=["grant"],
                condition=~Q(state="done") & Q(grant__isnull=False),
                name="check_one_open_per_grant",
            ),
            models.CheckConstraint(condition=Q(state__in=CheckState.values), name="check_state_known"),
            models.CheckConstraint(condition=~Q(state="done") | ~Q(verdict=""), name="check_done_has_verdict"),
        )

    def __str__(self) -> str:
        return f"{self.asked_as} on {self.policy_id}: {self.verdict or self.state}"
