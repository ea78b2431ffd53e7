"""AWS organisations whose members and units are known, read through a role in the management account."""

import uuid
from datetime import datetime, timedelta

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Connection, ConnectionState
from .person import Actor

ORGANIZATION_ID = RegexValidator(r"\Ao-[a-z0-9]{10,32}\Z", "An organisation id looks like o-a1b2c3d4e5.")


#: Members that were read longer ago are not taken for known any more.
FRESH = timedelta(hours=48)


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Which organisations, and for whom."""

    def visible_to(self, actor: Actor) -> "OrganizationQuerySet":
        """All of them for whoever sees every account, else none: a list of members names accounts out of scope."""
        return self if actor.active and actor.sees_every_account else self.none()

    def read_through(self) -> "OrganizationQuerySet":
        """Those with a connection that stands, so that somebody expects them to be read."""
        return self.exclude(connection=None).exclude(connection__state=ConnectionState.DISCONNECTED)

    def fresh(self, now: datetime) -> "OrganizationQuerySet":
        """Those whose members count as known: `stale` says nothing of them."""
        return self.filter(connection__state=ConnectionState.CONNECTED, failure="", read_at__gte=now - FRESH)


class Organization(models.Model):
    """An organisation (o-...). Its members are as of `read_at`; null: never read completely.

    A read is due at `read_due_at` (moved ahead while a worker reads) and asked for by a person at `read_wanted_at`, which
    the worker clears. `failure`: why the last read failed, `failed_since` the first of its row; members then stay, stale.
    `units_…`: the same of its units and of which account is in which; null in `units_due_at`: nothing to be read.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization_id = models.CharField(max_length=34, unique=True, validators=[ORGANIZATION_ID])
    name = models.CharField(max_length=80, blank=True)
    management_account = models.CharField(max_length=12, blank=True)
    connection = models.OneToOneField(Connection, null=True, blank=True, on_delete=models.PROTECT, related_name="organization")
    read_at = models.DateTimeField(null=True, blank=True)
    read_due_at = models.DateTimeField(null=True, blank=True)
    read_wanted_at = models.DateTimeField(null=True, blank=True)
    failure = models.TextField(blank=True)
    failure_next = models.TextField(blank=True)
    failed_since = models.DateTimeField(null=True, blank=True)
    units_read_at = models.DateTimeField(null=True, blank=True)
    units_due_at = models.DateTimeField(null=True, blank=True)
    units_failure = models.TextField(blank=True)
    units_failure_next = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ("organization_id",)

    def __str__(self) -> str:
        return self.name or self.organization_id

    def stale(self, now: datetime) -> str:
        """Why its members do not count as known; "" while they do. The connection should be loaded."""
        connection = self.connection
        if self.read_at is None:
            return self.failure or "It was never read completely."
        if connection is None or connection.state == ConnectionState.DISCONNECTED:
            return "It is not read any more: its role was disconnected."
        if connection.state != ConnectionState.CONNECTED:
            return f"It is not read now: its role is {connection.get_state_display().lower()}."
        if self.failure:
            return self.failure
        return "It was not read for two days." if self.read_at < now - FRESH else ""

    def units_stale(self, now: datetime) -> str:
        """Why it does not count as known which account is in which unit; "" while it does."""
        if self.units_read_at is None:
            return self.units_failure or "Its units were never read completely."
        if self.units_failure:
            return self.units_failure
        return self.stale(now) or ("Its units were not read for two days." if self.units_read_at < now - FRESH else "")


class OrganizationUnitQuerySet(models.QuerySet["OrganizationUnit"]):
    """Which units."""

    def present(self) -> "OrganizationUnitQuerySet":
        """There when they were last read."""
        return self.filter(gone_at=None)

    def visible_to(self, actor: Actor) -> "OrganizationUnitQuerySet":
        """Those of organisations that the actor sees."""
        return self.filter(organization__in=Organization.objects.visible_to(actor))


class OrganizationUnit(models.Model):
    """An organisational unit (ou-...), or the root (r-...), of which every organisation has one.

    `path`: as aws:PrincipalOrgPaths says it, `o-x/r-y/ou-z/`; what is beneath it begins with it. `trail`: the names of the
    units above it and its own, in words; "" for the root.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="units")
    unit_id = models.CharField(max_length=68)
    name = models.CharField(max_length=128, blank=True)
    path = models.CharField(max_length=500)
    trail = models.CharField(max_length=800, blank=True)
    first_seen_at = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationUnitQuerySet.as_manager()

    class Meta:
        ordering = ("trail", "unit_id")
        constraints = (models.UniqueConstraint(fields=["organization", "unit_id"], name="organizationunit_once"),)

    def __str__(self) -> str:
        return self.trail or self.name or self.unit_id

    @property
    def is_root(self) -> bool:
        """Whether it is the organisation's root, in which every account is, at some depth."""
        return self.unit_id.startswith("r-")


class OrganizationMemberQuerySet(models.QuerySet["OrganizationMember"]):
    """Which members."""

    def present(self) -> "OrganizationMemberQuerySet":
        """In the organisation when it was last read."""
        return self.filter(left_at=None)


class OrganizationMember(models.Model):
    """An account of an organisation. `status`: AWS's state (PENDING_ACTIVATION, ACTIVE, SUSPENDED, PENDING_CLOSURE, CLOSED).

    `unit`: where it is, as of the organisation's `units_read_at`; null: not known, which is not "in none".
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="members")
    number = models.CharField("account id", max_length=12)
    name = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=20, blank=True)
    unit = models.ForeignKey(OrganizationUnit, null=True, blank=True, on_delete=models.PROTECT, related_name="members")
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
