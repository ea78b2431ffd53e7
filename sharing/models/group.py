"""Groups of consumers: several accounts under one name, as something one shares with."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from .account import TWELVE_DIGITS
from .organization import OrganizationUnit
from .person import Actor, User
from .policy import Policy


class Group(models.Model):
    """A team's accounts, say. Who is in it decides who gets what is shared with it.

    `unit`: it follows the accounts of this unit, and with `nested` those of the units beneath it. Its members are those
    that somebody confirmed all the same.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_as = models.CharField(max_length=300, help_text="Actor.label at the time.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)
    unit = models.ForeignKey(OrganizationUnit, null=True, blank=True, on_delete=models.PROTECT, related_name="groups")
    nested = models.BooleanField(default=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                Lower("name"),
                condition=Q(deleted_at=None),
                name="group_name_once",
                violation_error_message="Another group has this name.",
            ),
        )

    def __str__(self) -> str:
        return self.name


class GroupMember(models.Model):
    """An account in a group."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="members")
    number = models.CharField("account id", max_length=12, validators=[TWELVE_DIGITS])
    joined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["group", "number"], name="groupmember_once"),)

    def __str__(self) -> str:
        return self.number


class GroupShareQuerySet(models.QuerySet["GroupShare"]):
    """Which shares with groups."""

    def open(self, now: datetime) -> "GroupShareQuerySet":
        """Whoever joins gets it."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=now), ended_at=None).filter(
            policy__vanished_at=None, policy__function__vanished_at=None
        )

    def visible_to(self, actor: Actor) -> "GroupShareQuerySet":
        """On functions in the actor's scope."""
        return self.filter(policy__in=Policy.objects.visible_to(actor))


class GroupShare(models.Model):
    """One function, alias or version shared with a group: it owns a grant for each member (items of bulks say which)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="shares")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=100)
    ends_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = GroupShareQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (models.Index(fields=["group", "ended_at"], name="groupshare_by_group"),)

    def __str__(self) -> str:
        return f"{self.group_id} {self.action} on {self.policy_id}"
