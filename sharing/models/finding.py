"""Findings: what somebody should look at, kept under an id that is the same after every re-read."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .function import Function
from .grant import Grant
from .person import Actor, User
from .policy import Policy


class FindingState(models.TextChoices):
    """Whether it is true as far as is known. An accepted finding is still open: the risk is there, somebody bears it."""

    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


class Weight(models.IntegerChoices):
    """How soon somebody should look; the numbers are those of sharing.policy.findings.Severity."""

    LOW = 1, "Low"
    MEDIUM = 2, "Medium"
    HIGH = 3, "High"
    CRITICAL = 4, "Critical"


class FindingQuerySet(models.QuerySet["Finding"]):
    """Which findings."""

    def visible_to(self, actor: Actor) -> "FindingQuerySet":
        """Findings about accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(account__in=Account.objects.visible_to(actor))

    def open(self, now: datetime | None = None) -> "FindingQuerySet":
        """True as far as is known, and nobody bears the risk: depends counts, stale counts."""
        now = now or timezone.now()
        return self.filter(Q(accepted_until__isnull=True) | Q(accepted_until__lte=now), state=FindingState.OPEN)

    def accepted(self, now: datetime | None = None) -> "FindingQuerySet":
        """True, and somebody bears the risk until a date."""
        return self.filter(state=FindingState.OPEN, accepted_until__gt=now or timezone.now())

    def closed(self) -> "FindingQuerySet":
        """Not true any more."""
        return self.filter(state=FindingState.CLOSED)

    def not_safe(self) -> "FindingQuerySet":
        """True as far as is known, accepted or not."""
        return self.filter(state=FindingState.OPEN)


class Finding(models.Model):
    """One finding. `id` is made of rule and subject (sharing.policy.findings), so a re-read never makes a second one.

    `subject`: what it is about, as text: a policy's ARN, an account and region, a grant. `cause`: what a group of them has
    in common. `certain` False: it depends, on `detail["depends_on"]`. `says`: a digest of what it states; a risk is accepted
    for exactly that. `opened_at`: since when it is true this time; `first_seen_at`: the first time ever.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    rule = models.CharField(max_length=40)
    subject = models.CharField(max_length=500)
    severity = models.PositiveSmallIntegerField(choices=Weight)
    certain = models.BooleanField(default=True)
    cause = models.CharField(max_length=300)
    text = models.TextField()
    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    function = models.ForeignKey(Function, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    region = models.CharField(max_length=30, blank=True)
    sid = models.CharField(max_length=100, blank=True)
    statement_digest = models.CharField(max_length=64, blank=True)
    says = models.CharField(max_length=64)
    detail = models.JSONField(default=dict, blank=True, help_text="depends_on, who, the deciding statement, facts of the rule.")

    state = models.CharField(max_length=6, choices=FindingState, default=FindingState.OPEN)
    first_seen_at = models.DateTimeField(default=timezone.now)
    opened_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=200, blank=True)

    # Whose it is, and who bears the risk until when
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    accepted_until = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    accepted_as = models.CharField(max_length=300, blank=True)
    accepted_reason = models.CharField(max_length=500, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ("-opened_at", "id")
        indexes = (
            models.Index(fields=["policy", "state"], name="finding_by_policy"),
            # Lists and counts are answered from these two alone, without a look at the rows.
            models.Index(
                fields=["state", "rule", "cause", "-severity", "-opened_at", "id", "accepted_until", "certain"],
                name="finding_worst_of_cause",
            ),
            models.Index(fields=["state", "-severity", "-opened_at", "id", "accepted_until"], name="finding_worst"),
            # With the date, so that SQLite takes it and not the one on all causes.
            models.Index(
                fields=["state", "rule", "cause", "owner", "accepted_until"],
                name="finding_owned_until",
                condition=Q(owner__isnull=False),
            ),
            models.Index(fields=["account", "state"], name="finding_by_account"),
            models.Index(
                fields=["state", "accepted_until"], name="finding_accepted", condition=Q(accepted_until__isnull=False)
            ),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=FindingState.values), name="finding_state_known"),
            models.CheckConstraint(condition=Q(severity__in=Weight.values), name="finding_severity_known"),
            models.CheckConstraint(condition=Q(state="open") | Q(closed_at__isnull=False), name="finding_closed_has_time"),
            models.CheckConstraint(
                condition=Q(accepted_until__isnull=True) | (Q(accepted_at__isnull=False) & ~Q(accepted_reason="")),
                name="finding_accepted_with_reason",
                violation_error_message="Accepting a risk needs a reason and an end date.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}"

    @property
    def is_accepted(self) -> bool:
        """Whether somebody bears the risk now."""
        return self.state == FindingState.OPEN and self.accepted_until is not None and self.accepted_until > timezone.now()

    @property
    def status(self) -> str:
        """open, accepted or closed: what lists filter by."""
        return "closed" if self.state == FindingState.CLOSED else "accepted" if self.is_accepted else "open"


class FindingVisit(models.Model):
    """When a person last looked at the findings: what came later is new to them. `before`: the visit before this one."""

    person = models.OneToOneField(User, on_delete=models.CASCADE, related_name="finding_visit")
    at = models.DateTimeField()
    before = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.person_id} at {self.at}"


class FindingCount(models.Model):
    """How many findings of one weight there were at the end of a day (or so far today). `account` null: everywhere."""

    day = models.DateField()
    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    severity = models.PositiveSmallIntegerField(choices=Weight)
    open = models.PositiveIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["day", "account", "severity"], name="findingcount_once"),
            models.UniqueConstraint(
                fields=["day", "severity"], condition=Q(account__isnull=True), name="findingcount_once_everywhere"
            ),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.account_id} {self.severity}: {self.open}"


class FindingPass(models.Model):
    """How far the findings were brought up to date: one row.

    `mark`: what policies were last judged with (trust list, known accounts, version of the rules). `checkpoint`: while
    every policy is judged anew, the id of the last one done.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    mark = models.JSONField(default=dict, blank=True)
    checkpoint = models.CharField(max_length=36, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="findingpass_one_row"),)

    def __str__(self) -> str:
        return f"findings as of {self.at}"
