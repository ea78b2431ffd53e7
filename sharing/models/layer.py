"""Layer versions and their policies, as read: each version has a policy of its own; every change is a new content."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .person import Actor
from .policy import Reading


class LayerVersionQuerySet(models.QuerySet["LayerVersion"]):
    """Which layer versions."""

    def visible_to(self, actor: Actor) -> "LayerVersionQuerySet":
        """Layer versions of accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(account__in=Account.objects.visible_to(actor))

    def present(self) -> "LayerVersionQuerySet":
        """Listed by AWS when last read."""
        return self.filter(vanished_at=None)


class LayerVersion(models.Model):
    """One version of a layer, with its policy. Where its code can be fetched is never kept.

    `lease_holder`, `lease_until`: the one writer of the policy at a time, taken by compare-and-set, as on Policy.
    `unread_reason`: set while the last attempt to read failed; `current` then holds the last known document, stale.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="layer_versions")
    region = models.CharField(max_length=30)
    name = models.CharField(max_length=140)
    number = models.PositiveBigIntegerField()
    arn = models.CharField(max_length=300, unique=True)
    description = models.CharField(max_length=300, blank=True)
    license = models.CharField(max_length=512, blank=True)
    runtimes = models.JSONField(default=list, blank=True)
    architectures = models.JSONField(default=list, blank=True)
    published = models.CharField(max_length=100, blank=True, help_text="CreatedDate, as AWS writes it.")
    first_seen_at = models.DateTimeField(default=timezone.now)
    vanished_at = models.DateTimeField(null=True, blank=True)

    # Its policy
    reading = models.CharField(max_length=7, choices=Reading, default=Reading.UNREAD)
    current = models.ForeignKey("sharing.LayerPolicyVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    revision_id = models.CharField(max_length=64, blank=True)
    read_at = models.DateTimeField(null=True, blank=True, help_text="Last successful read by itself (not by a quiet sync).")
    unread_since = models.DateTimeField(null=True, blank=True)
    unread_reason = models.TextField(blank=True)
    lease_holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    # The widest the policy lets in: "yes", "depends" or "no". For lists and counts.
    public = models.CharField(max_length=7, default="no")
    external = models.CharField(max_length=7, default="no")

    objects = LayerVersionQuerySet.as_manager()

    class Meta:
        ordering = ("name", "region", "-number", "id")
        indexes = (models.Index(fields=["account", "region", "name"], name="layerversion_by_place"),)
        constraints = (
            models.UniqueConstraint(fields=["account", "region", "name", "number"], name="layerversion_once"),
            models.CheckConstraint(condition=Q(reading__in=Reading.values), name="layerversion_reading_known"),
        )

    def __str__(self) -> str:
        return self.arn

    @property
    def label(self) -> str:
        """As people say it: `image-tools:2`."""
        return f"{self.name}:{self.number}"

    @property
    def is_unread(self) -> bool:
        """Never read, or not readable any more: nobody knows whom it lets in now."""
        return self.reading == Reading.UNREAD or self.unread_since is not None


class LayerPolicyVersion(models.Model):
    """One content of one layer version's policy, with the two reads around its appearance; never overwritten.

    The change happened after `last_seen_without` (null: the first read) and not after `first_seen_at`.
    """

    layer = models.ForeignKey(LayerVersion, on_delete=models.PROTECT, related_name="contents")
    digest = models.CharField(max_length=64)
    document = models.TextField(blank=True)
    size = models.PositiveIntegerField(default=0)
    revision_id = models.CharField(max_length=64, blank=True)
    last_seen_without = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-first_seen_at", "-id")
        indexes = (models.Index(fields=["layer", "-first_seen_at"], name="layerpolicyversion_latest"),)

    def __str__(self) -> str:
        return f"{self.layer} as of {self.first_seen_at:%Y-%m-%d %H:%M}"


class LayerExposure(models.Model):
    """Whom a layer version's current policy lets in (sharing.policy.layers.let_in); replaced whole with the content.

    `details`: sid, statement (index), deny, depends_on, latent.
    """

    layer = models.ForeignKey(LayerVersion, on_delete=models.CASCADE, related_name="exposures")
    kind = models.CharField(max_length=12)
    principal = models.CharField(max_length=2048)
    account = models.CharField(max_length=12, blank=True)
    public = models.CharField(max_length=7)
    external = models.CharField(max_length=7)
    latent = models.BooleanField(default=False, help_text="A Deny, or a statement that lets nobody in.")
    details = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(fields=["account", "layer"], name="layerexposure_by_account"),
            models.Index(fields=["principal"], name="layerexposure_by_principal"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.principal} on {self.layer_id}"
