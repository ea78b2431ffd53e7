"""AWS accounts and the roles through which we enter them."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from sharing.policy.arn import digits_of

from .consumer import KeptConsumer
from .person import Actor, User

TWELVE_DIGITS = RegexValidator(r"\A\d{12}\Z", "An AWS account id has exactly 12 digits.")


class AccountQuerySet(models.QuerySet["Account"]):
    """Which accounts, and for whom."""

    def visible_to(self, actor: Actor) -> "AccountQuerySet":
        """The accounts in the actor's scope. A consumer has none, whatever was in it before they became one."""
        if not actor.active or actor.is_consumer:
            return self.none()
        return self if actor.sees_every_account else self.filter(people=actor.person)

    def called(self, text: str) -> "AccountQuerySet":
        """Whose name holds the text, or whose digits do, with or without spaces. Order stays; "" is everybody."""
        digits = digits_of(text)
        found = Q(name__icontains=text.strip())
        return self.filter(found | Q(number__contains=digits) if digits else found)

    def owners(self) -> "AccountQuerySet":
        """Accounts whose functions are (or were) read: they have a manager connection that still stands."""
        return self.filter(pk__in=Connection.objects.standing().filter(purpose=Purpose.MANAGER).values("account"))

    def bulk_create(self, objs: Iterable["Account"], *args: Any, **kwargs: Any) -> list["Account"]:
        """Keep how they are called with them."""
        with transaction.atomic(savepoint=False):
            made = super().bulk_create(objs, *args, **kwargs)
            KeptConsumer.objects.call((one.number, one.name) for one in made)
        return made


class Account(models.Model):
    """An AWS account with a human name. Owner, consumer or both: that follows from its connections and grants."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partition = models.CharField(max_length=20, default="aws")
    number = models.CharField("account id", max_length=12, validators=[TWELVE_DIGITS])
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ("name", "number")
        constraints = (
            models.UniqueConstraint(
                fields=["number"], name="account_once", violation_error_message="This account is already known."
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep how it is called with it."""
        fields = kwargs.get("update_fields")
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)
            if fields is None or "name" in fields:
                KeptConsumer.objects.call([(self.number, self.name)])

    @property
    def spaced(self) -> str:
        """The digits as people read them: 1111 2222 3333."""
        return " ".join((self.number[:4], self.number[4:8], self.number[8:]))


class Purpose(models.TextChoices):
    """What a role is for; each has an ExternalId of its own."""

    MANAGER = "manager", "Manager role"
    CHECKER = "checker", "Checker role"
    INVOKER = "invoker", "Invoker role"
    ORGANIZATION = "organization", "Organisation role"
    SOURCE = "source", "Source role"


class ConnectionState(models.TextChoices):
    """Where a connection stands."""

    AWAITED = "awaited", "Waiting for the role"  # ExternalId and template handed out, no role ARN yet
    TESTING = "testing", "Testing"
    CONNECTED = "connected", "Connected"
    REFUSED = "refused", "Refused"
    PAUSED = "paused", "Paused"
    DISCONNECTED = "disconnected", "Disconnected"


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Which connections."""

    def visible_to(self, actor: Actor) -> "ConnectionQuerySet":
        """Connections of accounts in the actor's scope."""
        return self.filter(account__in=Account.objects.visible_to(actor))

    def standing(self) -> "ConnectionQuerySet":
        """Not disconnected."""
        return self.exclude(state=ConnectionState.DISCONNECTED)

    def usable(self) -> "ConnectionQuerySet":
        """Connected: a worker may assume the role."""
        return self.filter(state=ConnectionState.CONNECTED)


class Connection(models.Model):
    """A role in an account, assumed by workers with our ExternalId, for one purpose (aws-facts 5).

    `report`: the last test, a list of {"name", "outcome": "ok"|"missing"|"warning"|"failed", "detail", "next"}.
    `verbs`: what the test found permitted, e.g. {"read": true, "share": false, "list_regions": true}.
    A test is wanted when `test_wanted_at` is set; the worker clears it (the row is the outbox).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="connections")
    purpose = models.CharField(max_length=12, choices=Purpose)
    state = models.CharField(max_length=14, choices=ConnectionState, default=ConnectionState.AWAITED)
    role_arn = models.CharField(max_length=600, blank=True)
    external_id = models.CharField(max_length=1224)
    external_id_ours = models.BooleanField(default=True)
    next_external_id = models.CharField(max_length=1224, blank=True, help_text="While an ExternalId is being rotated.")
    former = models.JSONField(
        null=True, blank=True, help_text="While another role is tried: what was in use, to go back to if it is refused."
    )
    regions = models.JSONField(default=list, blank=True, help_text="Regions that are read (manager role only).")
    enabled_regions = models.JSONField(null=True, blank=True, help_text="Regions the account has enabled; null: not known.")
    limited_to = models.JSONField(
        default=list,
        blank=True,
        help_text="Invoker role: ARN patterns of what it may call; empty: every function it reaches. Source role: the sources.",
    )
    verbs = models.JSONField(default=dict, blank=True)
    report = models.JSONField(default=list, blank=True)
    failure = models.TextField(blank=True)
    failure_next = models.TextField(blank=True)
    paused_because = models.TextField(blank=True, help_text="Paused by itself, and why: its account left the organisation.")
    test_wanted_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)
    proof_due_at = models.DateTimeField(null=True, blank=True, help_text="Checker role: when the account is proved again.")
    proof_failed_since = models.DateTimeField(null=True, blank=True, help_text="The last proof failed, first at this time.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        ordering = ("account__name", "purpose")
        constraints = (
            models.UniqueConstraint(
                fields=["account", "purpose"],
                condition=~Q(state="disconnected"),
                name="connection_one_per_purpose",
                violation_error_message="This account already has a connection for that purpose.",
            ),
            models.UniqueConstraint(
                fields=["external_id"],
                name="connection_external_id_unique",
                violation_error_message="This ExternalId is used by another connection. Each needs one of its own.",
            ),
            models.CheckConstraint(condition=Q(state__in=ConnectionState.values), name="connection_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=["awaited", "disconnected"]) | ~Q(role_arn=""), name="connection_has_role"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} of {self.account}"

    @property
    def lets_take_back(self) -> bool:
        """Whether what it gave may be taken back through it: connected, or paused only because of what its account became."""
        return self.state == ConnectionState.CONNECTED or (self.state == ConnectionState.PAUSED and bool(self.paused_because))


class Installation(models.Model):
    """What the workers told about themselves: one row. Doors never ask AWS who we are, they read it here."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    worker_arn = models.CharField(max_length=600, blank=True, help_text="From GetCallerIdentity at worker start.")
    worker_account = models.CharField(max_length=12, blank=True)
    partition = models.CharField(max_length=20, default="aws")
    identified_at = models.DateTimeField(null=True, blank=True)
    identity_failure = models.TextField(blank=True)
    swept_at = models.DateTimeField(null=True, blank=True, help_text="The sweep's last start: beat and a worker are alive.")
    limits = models.JSONField(
        null=True, blank=True, help_text="What a worker's limits file says, in words; null: none told yet."
    )
    limits_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of that file; blank: no file.")
    limits_at = models.DateTimeField(null=True, blank=True)
    retained_at = models.DateTimeField(null=True, blank=True, help_text="The end of the last pass over what is kept too long.")
    restored_at = models.DateTimeField(
        null=True, blank=True, help_text="The last restore of a backup (manage.py after-restore)."
    )

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="installation_one_row"),)

    def __str__(self) -> str:
        return self.worker_arn or "not identified"
