"""Accounts that invited people say are theirs, until a worker has seen the role that proves it."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import TWELVE_DIGITS
from .invitation import Invitation
from .person import User


class ProvingState(models.TextChoices):
    """Where it stands."""

    WAITING = "waiting", "Looking for the role"
    PROVED = "proved", "Proved"
    OVER = "over", "Not looked for any more"


class Seen(models.TextChoices):
    """What the last try showed. AWS never says why it refuses: no role, another ExternalId and no trust look alike."""

    NOTHING = "", "Not tried yet"
    CLOSED = "closed", "No role lets fnshare in with this ExternalId"
    UNSAFE = "unsafe", "The role ignores the ExternalId"
    ELSEWHERE = "elsewhere", "The role is another account's"
    NO_ANSWER = "no-answer", "AWS gave no answer"


class ProvingQuerySet(models.QuerySet["Proving"]):
    """Which of them."""

    def waiting(self) -> "ProvingQuerySet":
        """A worker looks for the role."""
        return self.filter(state=ProvingState.WAITING)

    def due(self, now: datetime) -> "ProvingQuerySet":
        """To be looked at now, and nobody does."""
        its_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
        free = Q(lease_until=None) | Q(lease_until__lte=now)
        return self.waiting().filter(its_time & free)


class Proving(models.Model):
    """One person, one account they say is theirs, and the ExternalId that is theirs alone for showing it (aws-facts 5.4).

    No account and no connection is known here before a role of that account demanded exactly this ExternalId: digits that
    somebody types make nothing. The ExternalId belongs to the person too, so that a role which stands already, for a
    colleague, proves nothing for a stranger who guesses the account's number.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    number = models.CharField("account id", max_length=12, validators=[TWELVE_DIGITS])
    partition = models.CharField(max_length=20, default="aws")
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="+", help_text="The last one it was for.")
    external_id = models.CharField(max_length=1224, unique=True)
    role_arn = models.CharField(max_length=600)
    state = models.CharField(max_length=7, choices=ProvingState, default=ProvingState.WAITING)
    seen = models.CharField(max_length=9, choices=Seen, blank=True, default="")
    wanted_at = models.DateTimeField(default=timezone.now, help_text="When it was last asked for.")
    give_up_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)
    proved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProvingQuerySet.as_manager()

    class Meta:
        ordering = ("-wanted_at", "id")
        indexes = (models.Index(fields=["next_try_at"], name="proving_waiting", condition=Q(state="waiting")),)
        constraints = (
            models.UniqueConstraint(fields=["person", "number"], name="proving_once_per_person_and_account"),
            models.CheckConstraint(condition=Q(state__in=ProvingState.values), name="proving_state_known"),
            models.CheckConstraint(condition=Q(seen__in=Seen.values), name="proving_seen_known"),
            models.CheckConstraint(condition=~Q(state="proved") | Q(proved_at__isnull=False), name="proving_proved_when"),
        )

    def __str__(self) -> str:
        return f"{self.person_id} for {self.number} ({self.state})"
