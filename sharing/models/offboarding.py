"""Offboardings and suspensions: one account is let in nowhere any more, for good or for a while. What was decided, thing by
thing, and how far it is."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .grant import Grant
from .invitation import Invitation
from .layer import LayerVersion
from .layer_grant import LayerGrant
from .mapping import Mapping
from .mapping_change import MappingChange
from .membership import Membership
from .person import Actor, User
from .policy import Policy


class OffboardingQuerySet(models.QuerySet["Offboarding"]):
    """Which offboardings."""

    def visible_to(self, actor: Actor) -> "OffboardingQuerySet":
        """One's own; those of others name functions out of scope, so they are for whoever sees every account."""
        if not actor.active or actor.is_consumer:
            return self.none()
        return self if actor.sees_every_account else self.filter(requested_by=actor.person)

    def suspensions(self) -> "OffboardingQuerySet":
        """Those for a while that stand: nobody resumed them."""
        return self.filter(suspends=True, undo_wanted_at=None)

    def closing(self) -> "OffboardingQuerySet":
        """Suspensions that stand, and those for good of which something still waits to be asked for."""
        waiting = OffboardingItem.objects.filter(offboarding=models.OuterRef("pk"), state=OffboardingState.WAITING)
        return self.filter(Q(suspends=True) | models.Exists(waiting), undo_wanted_at=None)


class Offboarding(models.Model):
    """An account (12 digits) is taken out everywhere in somebody's scope; its items are the outbox.

    `undo_wanted_at`: somebody wants back what was removed; the items say what came of it. `suspends`: only for a while, to be
    resumed by hand or, with `until`, by itself; shares with the account wait meanwhile, in every account (`everywhere`: whoever
    decided it sees them all) or in those that it takes something from.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField("account id", max_length=12)
    name = models.CharField(max_length=80, blank=True, help_text="What the account was called at the time.")
    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_as = models.CharField(max_length=300, help_text="Actor.label at the time.")
    form_token = models.CharField(max_length=64, unique=True, help_text="The same form, the same row.")
    suspends = models.BooleanField(default=False)
    everywhere = models.BooleanField(default=False)
    until = models.DateTimeField(null=True, blank=True, help_text="When a suspension ends by itself; null: by hand.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    undo_wanted_at = models.DateTimeField(null=True, blank=True)
    undo_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    undo_as = models.CharField(max_length=300, blank=True)
    undo_roles = models.BooleanField(default=False, help_text="Roles and users of the same names are confirmed to be meant.")

    objects = OffboardingQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (models.Index(fields=["number", "-created_at"], name="offboarding_by_number"),)

    def __str__(self) -> str:
        return f"{self.number} on {self.created_at:%Y-%m-%d}"


class OffboardingKind(models.TextChoices):
    """What lets the account in, or speaks for it."""

    GRANT = "grant", "Share"
    STATEMENT = "statement", "Statement made elsewhere"
    LAYER_GRANT = "layer", "Share of a layer"
    LAYER_STATEMENT = "layer-statement", "Layer statement made elsewhere"
    MAPPING = "mapping", "Event source mapping"
    MEMBERSHIP = "membership", "Person who acts for it"
    INVITATION = "invitation", "Invitation"


class OffboardingState(models.TextChoices):
    """Where an item stands. `asked`: the row that carries it says how AWS is with it."""

    WAITING = "waiting", "Waiting for a worker"
    ASKED = "asked", "Asked for"
    FAILED = "failed", "Not done"
    RESTORED = "restored", "Asked for again"
    LOST = "lost", "Not restored"


class OffboardingItem(models.Model):
    """One thing. `sentence`: as it was shown before. `grant`, `layer_grant`, `change`...: what carries it; a statement made
    elsewhere is adopted by a grant when its turn comes. `policy`/`layer`, `content`, `index`: where such a statement was shown.
    `again`, `layer_again`: what an undo made of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    offboarding = models.ForeignKey(Offboarding, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=OffboardingKind)
    sentence = models.TextField()
    state = models.CharField(max_length=8, choices=OffboardingState, default=OffboardingState.WAITING)
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    layer_grant = models.ForeignKey(LayerGrant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    layer = models.ForeignKey(LayerVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    content = models.BigIntegerField(null=True, blank=True)
    index = models.PositiveIntegerField(null=True, blank=True)
    mapping = models.ForeignKey(Mapping, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    change = models.ForeignKey(MappingChange, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    membership = models.ForeignKey(Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    invitation = models.ForeignKey(Invitation, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    again = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    layer_again = models.ForeignKey(LayerGrant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    failure = models.TextField(blank=True)
    failure_next = models.TextField(blank=True)

    class Meta:
        ordering = ("position",)
        indexes = (models.Index(fields=["state", "offboarding"], name="offboardingitem_waiting"),)
        constraints = (
            models.UniqueConstraint(fields=["offboarding", "position"], name="offboardingitem_in_order"),
            models.CheckConstraint(condition=Q(state__in=OffboardingState.values), name="offboardingitem_state_known"),
            models.CheckConstraint(condition=Q(kind__in=OffboardingKind.values), name="offboardingitem_kind_known"),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.offboarding_id} ({self.state})"
