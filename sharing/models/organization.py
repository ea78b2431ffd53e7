"""AWS organisations whose members are known, from ListAccounts through a role in the management account."""

import uuid

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Connection

ORGANIZATION_ID = RegexValidator(r"\Ao-[a-z0-9]{10,32}\Z", "An organisation id looks like o-a1b2c3d4e5.")


class Organization(models.Model):
    """An organisation (o-...). Its members are as of `read_at`; null: never read completely."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization_id = models.CharField(max_length=34, unique=True, validators=[ORGANIZATION_ID])
    name = models.CharField(max_length=80, blank=True)
    management_account = models.CharField(max_length=12, blank=True)
    connection = models.OneToOneField(Connection, null=True, blank=True, on_delete=models.PROTECT, related_name="organization")
    read_at = models.DateTimeField(null=True, blank=True)
    read_due_at = models.DateTimeField(null=True, blank=True)
    failure = models.TextField(blank=True)
    failure_next = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("organization_id",)

    def __str__(self) -> str:
        return self.name or self.organization_id


class OrganizationMemberQuerySet(models.QuerySet["OrganizationMember"]):
    """Which members."""

    def present(self) -> "OrganizationMemberQuerySet":
        """In the organisation when it was last read."""
        return self.filter(left_at=None)


class OrganizationMember(models.Model):
    """An account of an organisation. `status`: AWS's (ACTIVE, SUSPENDED, PENDING_CLOSURE)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="members")
    number = models.CharField("account id", max_length=12)
    name = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=20, blank=True)
    first_seen_at = models.DateTimeField(default=timezone.now)
    left_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationMemberQuerySet.as_manager()

    class Meta:
        ordering = ("name", "number")
        constraints = (
            models.UniqueConstraint(fields=["number"], condition=Q(left_at=None), name="organization_member_of_one"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"
