"""Grants: what a person decided, what AWS was told, what a check proved."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .person import Actor, User
from .policy import Policy


class Wanted(models.TextChoices):
    """What the last decision wants AWS to hold."""

    PRESENT = "present", "present"
    ABSENT = "absent", "absent"


class GrantState(models.TextChoices):
    """What AWS was told (never what was proved: that is the check)."""

    REQUESTED = "requested", "Requested"
    PENDING = "pending", "Pending"
    GRANTING = "granting", "Granting"
    ACTIVE = "active", "Active"
    REVOKING = "revoking", "Revoking"
    REVOKED = "revoked", "Revoked"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Expired"
    VANISHED = "vanished", "Vanished"
    SUSPENDED = "suspended", "Suspended"
    STUCK = "stuck", "Stuck"


S = GrantState

# From each state, where it may go. Changed only by compare-and-set (services.granting).
TRANSITIONS: dict[GrantState, frozenset[GrantState]] = {
    S.REQUESTED: frozenset({S.PENDING, S.FAILED}),
    S.PENDING: frozenset({S.GRANTING, S.ACTIVE, S.FAILED, S.REVOKING, S.REVOKED, S.SUSPENDED, S.STUCK}),
    S.GRANTING: frozenset({S.PENDING, S.ACTIVE, S.FAILED, S.REVOKING, S.SUSPENDED, S.STUCK}),
    S.ACTIVE: frozenset({S.REVOKING, S.VANISHED}),
    S.REVOKING: frozenset({S.REVOKED, S.EXPIRED, S.SUSPENDED, S.ACTIVE, S.STUCK}),
    S.STUCK: frozenset({S.GRANTING, S.ACTIVE, S.FAILED, S.REVOKING, S.REVOKED, S.EXPIRED, S.SUSPENDED}),
    S.VANISHED: frozenset({S.ACTIVE}),
    S.SUSPENDED: frozenset({S.PENDING, S.ACTIVE, S.REVOKING, S.REVOKED, S.EXPIRED}),
    S.REVOKED: frozenset(),
    S.FAILED: frozenset(),
    S.EXPIRED: frozenset(),
}

UNSETTLED = (S.PENDING, S.GRANTING, S.REVOKING, S.STUCK)
MAY_HOLD_ACCESS = (S.GRANTING, S.ACTIVE, S.REVOKING, S.STUCK)
LIVE = (S.REQUESTED, S.PENDING, S.GRANTING, S.ACTIVE, S.REVOKING, S.STUCK, S.SUSPENDED)

#: Fields of a grant that is not taken away for a while any more; its history keeps what they said.
NOT_SUSPENDED: Final[Mapping[str, Any]] = MappingProxyType(
    {"suspended_at": None, "resume_at": None, "revoked_by": None, "revoked_as": "", "revoke_reason": ""}
)


class Verdict(models.TextChoices):
    """What a check found, for one named principal."""

    NONE = "", "Not checked"
    ALLOWED = "allowed", "Allowed"
    DENIED = "denied", "Denied"
    NOT_TRIED = "not-tried", "Not tried"
    ERROR = "error", "Could not be tried"


class GrantQuerySet(models.QuerySet["Grant"]):
    """Which grants. Adjectives that chain."""

    def visible_to(self, actor: Actor) -> "GrantQuerySet":
        """Grants on functions of accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(policy__function__account__in=Account.objects.visible_to(actor))

    def live(self) -> "GrantQuerySet":
        """Not over: waiting, unsettled, active or suspended."""
        return self.filter(state__in=LIVE)

    def unsettled(self) -> "GrantQuerySet":
        """A worker still has something to do."""
        return self.filter(state__in=UNSETTLED)

    def overdue(self, now: datetime) -> "GrantQuerySet":
        """Active past the end date."""
        return self.filter(state=S.ACTIVE, ends_at__lte=now)

    def past_their_end(self, moment: datetime) -> "GrantQuerySet":
        """With an end date up to this moment, and perhaps still in AWS, in whatever state: access may still stand."""
        return self.filter(state__in=MAY_HOLD_ACCESS, ends_at__lte=moment)


class Grant(models.Model):
    """A person's decision: a principal may do an action on a function, alias or version, until a date.

    The row is the outbox: a worker makes AWS agree with `wanted`. `statement` is what AWS is (to be) holding, as stored,
    event source token masked. `permission` holds the fields of sharing.policy.Permission it was made from, or null when
    the statement was adopted and AddPermission could not have written it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="grants")
    wanted = models.CharField(max_length=7, choices=Wanted, default=Wanted.PRESENT)
    state = models.CharField(max_length=10, choices=GrantState, default=GrantState.PENDING)
    adopted = models.BooleanField(default=False, help_text="The statement was made elsewhere.")

    # What is shared, with whom
    sid = models.CharField(max_length=100)
    action = models.CharField(max_length=100)
    principal_kind = models.CharField(max_length=12)
    principal = models.CharField(max_length=2048)
    principal_account = models.CharField(max_length=12, blank=True)
    permission = models.JSONField(null=True, blank=True)
    statement = models.JSONField()
    event_source_token = models.CharField(
        max_length=256, blank=True, help_text="Only until AWS holds the statement; then blank."
    )
    token_fingerprint = models.CharField(max_length=64, blank=True)
    equality = models.CharField(
        max_length=64, help_text="Digest of everything but Sid and end date: equal grants have the same."
    )
    ends_at = models.DateTimeField(null=True, blank=True)
    remind_at = models.DateTimeField(null=True, blank=True, help_text="When people are reminded of its end; null: no more.")

    # Who decided, and why
    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_as = models.CharField(max_length=300, help_text="Actor.label at the time.")
    form_token = models.CharField(
        max_length=64, null=True, blank=True, unique=True, help_text="The same form or command twice: the same grant."
    )
    second_person = models.CharField(max_length=300, blank=True, help_text="Why a second person must approve; blank: no.")
    approval_digest = models.CharField(max_length=64, blank=True, help_text="The exact statement and end date approved.")
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    revoked_as = models.CharField(max_length=300, blank=True)
    revoke_reason = models.CharField(max_length=500, blank=True)
    removes = models.JSONField(
        null=True, blank=True, help_text="A stored statement unlike ours that the revoker saw and agreed to remove."
    )
    extension = models.JSONField(
        null=True, blank=True, help_text="Another end date that waits: ends_at, reason, requested_by, requested_as."
    )
    suspended_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when it is taken away for a while; who and why: revoked_as, revoke_reason.",
    )
    resume_at = models.DateTimeField(null=True, blank=True, help_text="When it is resumed by itself; null: by hand.")
    resumed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    undo_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by")

    # How it went
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    unsettled_since = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    failure = models.TextField(blank=True)
    failure_code = models.CharField(max_length=100, blank=True)
    failure_next = models.TextField(blank=True)
    request_id = models.CharField(max_length=100, blank=True, help_text="AWS's, of the last write.")

    # What was proved (the last check), beside the state, never instead of it
    verdict = models.CharField(max_length=9, choices=Verdict, blank=True, default="")
    verdict_principal = models.CharField(max_length=600, blank=True)
    verdict_detail = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_due_at = models.DateTimeField(null=True, blank=True)

    #: Whether a suspension of the consumer keeps it back, where that was asked (services.granting.pausing).
    is_kept_back = False

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["policy", "state"], name="grant_by_policy"),
            models.Index(fields=["principal_account", "state"], name="grant_by_account"),
            models.Index(fields=["ends_at"], name="grant_ending", condition=Q(state="active")),
            models.Index(fields=["remind_at"], name="grant_remind", condition=Q(state="active", remind_at__isnull=False)),
            models.Index(fields=["check_due_at"], name="grant_check_due", condition=Q(check_due_at__isnull=False)),
            models.Index(fields=["state", "next_try_at"], name="grant_unsettled"),
            models.Index(fields=["resume_at"], name="grant_resuming", condition=Q(resume_at__isnull=False)),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["policy", "sid"],
                condition=Q(state__in=["requested", "pending", "granting", "active", "revoking", "stuck", "suspended"]),
                name="grant_sid_once_per_policy",
                violation_error_message="A live grant on this policy already has this statement id.",
            ),
            models.CheckConstraint(condition=Q(state__in=GrantState.values), name="grant_state_known"),
            models.CheckConstraint(condition=Q(wanted__in=Wanted.values), name="grant_wanted_known"),
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="grant_verdict_known"),
            models.CheckConstraint(
                condition=~Q(principal_kind="everyone") | Q(adopted=True) | Q(ends_at__isnull=False),
                name="grant_everyone_ends",
                violation_error_message="A grant to everyone needs an end date.",
            ),
            models.CheckConstraint(
                condition=Q(second_person="") | Q(state__in=["requested", "failed"]) | Q(approved_at__isnull=False),
                name="grant_approved_before_written",
            ),
        )

    def __str__(self) -> str:
        return f"{self.principal} {self.action} on {self.policy_id}"

    @property
    def is_being_suspended(self) -> bool:
        """Whether it is on its way out for a while only; until then it may still let them in."""
        return self.state == S.REVOKING and self.suspended_at is not None

    def get_state_display(self) -> str:  # type: ignore[no-redef]
        """Its state in words."""
        return "Being suspended" if self.is_being_suspended else str(GrantState(self.state).label)

    @property
    def is_unsettled(self) -> bool:
        """Whether a worker still has something to do: pages poll while this is true."""
        return self.state in UNSETTLED
