"""Grants of layer versions: what a person decided and what AWS was told. Nothing here can be proved by a DryRun."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .grant import LIVE, UNSETTLED, GrantState, Wanted
from .layer import LayerVersion
from .person import Actor, User


class LayerGrantQuerySet(models.QuerySet["LayerGrant"]):
    """Which grants. Adjectives that chain."""

    def visible_to(self, actor: Actor) -> "LayerGrantQuerySet":
        """Grants of layer versions of accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(layer__account__in=Account.objects.visible_to(actor))

    def live(self) -> "LayerGrantQuerySet":
        """Not over: waiting, unsettled or active."""
        return self.filter(state__in=LIVE)

    def unsettled(self) -> "LayerGrantQuerySet":
        """A worker still has something to do."""
        return self.filter(state__in=UNSETTLED)

    def overdue(self, now: datetime) -> "LayerGrantQuerySet":
        """Active past the end date."""
        return self.filter(state=GrantState.ACTIVE, ends_at__lte=now)


class LayerGrant(models.Model):
    """A person's decision: an account, an organisation or everyone may use a layer version, until a date.

    The row is the outbox: a worker makes AWS agree with `wanted`. `statement` is what AWS is (to be) holding. States and
    their transitions are those of Grant. `adopted`: the statement was made elsewhere and is to be taken back.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    layer = models.ForeignKey(LayerVersion, on_delete=models.PROTECT, related_name="grants")
    wanted = models.CharField(max_length=7, choices=Wanted, default=Wanted.PRESENT)
    state = models.CharField(max_length=10, choices=GrantState, default=GrantState.PENDING)
    adopted = models.BooleanField(default=False)

    sid = models.CharField(max_length=100)
    principal_kind = models.CharField(max_length=12)
    principal = models.CharField(max_length=2048)
    principal_account = models.CharField(max_length=12, blank=True)
    statement = models.JSONField()
    ends_at = models.DateTimeField(null=True, blank=True)

    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_as = models.CharField(max_length=300, help_text="Actor.label at the time.")
    form_token = models.CharField(max_length=64, null=True, blank=True, unique=True, help_text="The same form: the same grant.")
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

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    active_at = models.DateTimeField(null=True, blank=True, help_text="When AWS was first seen to hold it.")
    unsettled_since = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    failure = models.TextField(blank=True)
    failure_code = models.CharField(max_length=100, blank=True)
    failure_next = models.TextField(blank=True)
    request_id = models.CharField(max_length=100, blank=True, help_text="AWS's, of the last write.")

    objects = LayerGrantQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["layer", "state"], name="layergrant_by_layer"),
            models.Index(fields=["principal_account", "state"], name="layergrant_by_account"),
            models.Index(fields=["ends_at"], name="layergrant_ending", condition=Q(state="active")),
            models.Index(fields=["state", "next_try_at"], name="layergrant_unsettled"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["layer", "sid"],
                condition=Q(state__in=["requested", "pending", "granting", "active", "revoking", "stuck", "suspended"]),
                name="layergrant_sid_once",
                violation_error_message="A live grant on this layer version already has this statement id.",
            ),
            models.CheckConstraint(condition=Q(state__in=GrantState.values), name="layergrant_state_known"),
            models.CheckConstraint(condition=Q(wanted__in=Wanted.values), name="layergrant_wanted_known"),
            models.CheckConstraint(
                condition=~Q(principal_kind="everyone") | Q(adopted=True) | Q(ends_at__isnull=False),
                name="layergrant_everyone_ends",
                violation_error_message="A grant to everyone needs an end date.",
            ),
            models.CheckConstraint(
                condition=Q(second_person="") | Q(state__in=["requested", "failed"]) | Q(approved_at__isnull=False),
                name="layergrant_approved_before_written",
            ),
        )

    def __str__(self) -> str:
        return f"{self.principal} on {self.layer_id}"

    @property
    def is_unsettled(self) -> bool:
        """Whether a worker still has something to do: pages poll while this is true."""
        return self.state in UNSETTLED
