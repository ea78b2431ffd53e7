"""Policies as read: each function, alias and version has one of its own; every change is a new version."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .function import Function
from .person import Actor


class Reading(models.TextChoices):
    """What the last attempt to read found. Unread is never empty."""

    UNREAD = "unread", "Unread"
    NONE = "none", "No policy"
    PRESENT = "present", "Read"


class PolicyQuerySet(models.QuerySet["Policy"]):
    """Which policies."""

    def visible_to(self, actor: Actor) -> "PolicyQuerySet":
        """Policies of functions in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(function__account__in=Account.objects.visible_to(actor))

    def present(self) -> "PolicyQuerySet":
        """Of a function, alias or version that AWS still lists."""
        return self.filter(vanished_at=None, function__vanished_at=None)

    def unread(self) -> "PolicyQuerySet":
        """Never read, or not readable any more: whoever sets `unread_since` sets the reading too (services.syncing)."""
        return self.filter(reading=Reading.UNREAD)


class Policy(models.Model):
    """The policy of one function, alias or version (`qualifier` empty: the function itself).

    `lease_holder`, `lease_until`: the one writer at a time, taken by compare-and-set, at most 60 s ahead.
    `unread_reason`: set while the last attempt to read failed; `current` then holds the last known document, stale.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    function = models.ForeignKey(Function, on_delete=models.PROTECT, related_name="policies")
    qualifier = models.CharField(max_length=128, blank=True)
    reading = models.CharField(max_length=7, choices=Reading, default=Reading.UNREAD)
    current = models.ForeignKey("sharing.PolicyVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    revision_id = models.CharField(max_length=64, blank=True)
    size = models.PositiveIntegerField(default=0, help_text="Bytes, of 20,480.")
    read_at = models.DateTimeField(null=True, blank=True, help_text="Last successful read by itself (not by a quiet sync).")
    unread_since = models.DateTimeField(null=True, blank=True)
    unread_reason = models.TextField(blank=True)
    lease_holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    vanished_at = models.DateTimeField(null=True, blank=True)

    # The widest the policy lets in, by kind of exposure: "yes", "depends" or "no". For lists and counts.
    public = models.CharField(max_length=7, default="no")
    open_service = models.CharField(max_length=7, default="no")
    external = models.CharField(max_length=7, default="no")
    denies = models.BooleanField(default=False, help_text="Its last known content holds a Deny.")

    objects = PolicyQuerySet.as_manager()

    class Meta:
        ordering = ("qualifier",)
        verbose_name_plural = "policies"
        constraints = (
            models.UniqueConstraint(fields=["function", "qualifier"], name="policy_once"),
            models.CheckConstraint(condition=Q(reading__in=Reading.values), name="policy_reading_known"),
        )
        indexes = (
            models.Index(fields=["reading", "function"], name="policy_by_reading"),
            models.Index(fields=["function"], name="policy_denying", condition=Q(denies=True)),
            # All that is counted of how wide policies are, so that no row is read for it.
            models.Index(fields=["public", "open_service", "vanished_at", "function"], name="policy_by_width"),
            models.Index(fields=["open_service"], name="policy_by_open_service"),
        )

    def __str__(self) -> str:
        return self.arn

    @property
    def arn(self) -> str:
        """The exact form a caller must use."""
        return f"{self.function.arn}:{self.qualifier}" if self.qualifier else self.function.arn


class PolicyVersion(models.Model):
    """One content of one policy, with the two reads around its appearance; never overwritten.

    `document`: canonical JSON text, "" for no policy, event source tokens masked. `digest`: sha256 of it.
    The change happened after `last_seen_without` (null: the first read) and not after `first_seen_at`.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    digest = models.CharField(max_length=64)
    document = models.TextField(blank=True)
    size = models.PositiveIntegerField(default=0)
    revision_id = models.CharField(max_length=64, blank=True)
    last_seen_without = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-first_seen_at", "-id")
        indexes = (models.Index(fields=["policy", "-first_seen_at"], name="policyversion_latest"),)

    def __str__(self) -> str:
        return f"{self.policy} as of {self.first_seen_at:%Y-%m-%d %H:%M}"


class Mention(models.Model):
    """Twelve digits that some content of a policy held, at any time: where to look for what was told of an account.

    Written with the version (services.syncing.storing), never taken away: it says where to look, not what is there.
    """

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.CharField(max_length=12)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["number", "policy"], name="mention_once"),)
        indexes = (models.Index(fields=["policy"], name="mention_by_policy"),)

    def __str__(self) -> str:
        return f"{self.number} in {self.policy_id}"


class Exposure(models.Model):
    """Who a policy's current version lets in, reduced (sharing.policy.exposures); replaced whole with the version."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="exposures")
    owner = models.ForeignKey(
        Account, null=True, on_delete=models.CASCADE, related_name="+", db_index=False, help_text="Whose function it is."
    )
    kind = models.CharField(max_length=12)
    principal = models.CharField(max_length=2048)
    account = models.CharField(max_length=12, blank=True)
    action_class = models.CharField(max_length=10)
    actions = models.JSONField(default=list)
    public = models.CharField(max_length=7)
    external = models.CharField(max_length=7)
    open_service = models.CharField(max_length=7)
    latent = models.BooleanField(default=False)
    not_safe = models.BooleanField(default=False, help_text="Public, open, or hanging on something unknown.")
    details = models.JSONField(default=dict, help_text="depends_on, conditions, statement indexes, audience.")

    class Meta:
        indexes = (
            models.Index(fields=["account", "policy"], name="exposure_by_account"),
            models.Index(fields=["principal"], name="exposure_by_principal"),
            # Holds all that counting ways in asks for: no row is read for it.
            models.Index(
                fields=["kind", "open_service", "action_class", "latent", "public", "external", "policy"],
                name="exposure_by_kind",
            ),
            models.Index(fields=["account", "kind", "action_class"], name="exposure_by_account_kind"),
            models.Index(fields=["owner", "not_safe", "policy"], name="exposure_not_safe"),
            models.Index(fields=["owner", "kind", "account", "policy"], name="exposure_by_owner"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.principal} on {self.policy_id}"
