"""An organisation whose accounts are connected at once, by one template, and how far each of them is."""

import uuid
from datetime import datetime

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import ConnectionState, Purpose
from .organization import Organization, OrganizationMember
from .person import User

#: A root or an organisational unit, as CloudFormation takes them for a StackSet's targets.
UNIT = RegexValidator(r"\A(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})\Z", "A unit's id looks like ou-ab12-c3d4e5f6.")


class JoiningQuerySet(models.QuerySet["Joining"]):
    """Which of them."""

    def going(self) -> "JoiningQuerySet":
        """Those that go on: nobody paused them, and the organisation's members are read."""
        return self.filter(paused_at=None, organization__connection__state=ConnectionState.CONNECTED)


class Joining(models.Model):
    """How the accounts of one organisation are connected: which roles the template makes, and what each role demands.

    `mark`: what is random in the ExternalIds; the rest of each is its purpose and the account's digits. `units`: where the
    StackSet is to be deployed; empty: every member. A worker that tries accounts has the row until `lease_until`.
    `followed_at`: the read of the members that the rows were last made to agree with. `failure`: why the last batch broke off.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="joining")
    mark = models.CharField(max_length=64, unique=True)
    manager = models.BooleanField(default=True, help_text="The template makes a manager role.")
    checker = models.BooleanField(default=False, help_text="The template makes a checker role.")
    share = models.BooleanField(default=False, help_text="The manager role has the share stage.")
    wire = models.BooleanField(default=False, help_text="The manager role has the mappings stage.")
    units = models.JSONField(default=list, blank=True)
    regions = models.JSONField(default=list, blank=True, help_text="Regions that are read in each account; empty: found.")
    paused_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    followed_at = models.DateTimeField(null=True, blank=True)
    failure = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = JoiningQuerySet.as_manager()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(manager=True) | Q(checker=True), name="joining_makes_a_role"),)

    def __str__(self) -> str:
        return f"Accounts of {self.organization}"

    @property
    def purposes(self) -> list[Purpose]:
        """The roles that each account is to have."""
        wanted = ((Purpose.MANAGER, self.manager), (Purpose.CHECKER, self.checker))
        return [purpose for purpose, so in wanted if so]

    def external_id(self, purpose: str, number: str) -> str:
        """What this role of this account demands. The template writes AWS::AccountId where the digits belong."""
        return f"fnshare-{purpose}-{self.mark}-{number}"


class JoinerState(models.TextChoices):
    """How far one account is."""

    WAITING = "waiting", "Waiting for the role"
    TESTING = "testing", "Testing"
    CONNECTED = "connected", "Connected"
    REFUSED = "refused", "Refused"
    LEFT_OUT = "left-out", "Left out"
    GONE = "gone", "Not active"  # left, suspended, closed or being closed


#: States in which a worker looks for the account's roles, or tests them.
TRIED = (JoinerState.WAITING, JoinerState.TESTING, JoinerState.REFUSED)
#: What AWS calls accounts that are, or soon will be, of no use to anybody.
ENDED = ("SUSPENDED", "PENDING_CLOSURE", "CLOSED")
#: What AWS calls accounts that may be entered; "": it told nothing.
ACTIVE = ("ACTIVE", "")


class JoinerQuerySet(models.QuerySet["Joiner"]):
    """Which accounts."""

    def due(self, now: datetime) -> "JoinerQuerySet":
        """To be tried now: active, and neither connected nor left out."""
        its_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
        return self.filter(its_time, state__in=TRIED, member__left_at=None, member__status__in=ACTIVE)


class Joiner(models.Model):
    """One account of such an organisation. `failure`, `failure_next`: why it is where it is, for people."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    joining = models.ForeignKey(Joining, on_delete=models.PROTECT, related_name="joiners")
    member = models.ForeignKey(OrganizationMember, on_delete=models.PROTECT, related_name="joiners")
    number = models.CharField("account id", max_length=12)
    state = models.CharField(max_length=9, choices=JoinerState, default=JoinerState.WAITING)
    failure = models.TextField(blank=True)
    failure_next = models.TextField(blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)

    objects = JoinerQuerySet.as_manager()

    class Meta:
        ordering = ("number",)
        indexes = (models.Index(fields=["joining", "state", "next_try_at"], name="joiner_due"),)
        constraints = (
            models.UniqueConstraint(fields=["joining", "number"], name="joiner_once"),
            models.CheckConstraint(condition=Q(state__in=JoinerState.values), name="joiner_state_known"),
        )

    def __str__(self) -> str:
        return f"{self.number} ({self.state})"
