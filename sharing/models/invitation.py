"""Invitations: functions offered to somebody in another account, until they are accepted or not."""

import uuid
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from .account import TWELVE_DIGITS, Account, Connection
from .consumer import KeptConsumer
from .grant import Grant
from .person import Actor, User
from .policy import Policy


class InvitationState(models.TextChoices):
    """Where it stands. Accepted says nothing about AWS: that is the state of the grants its items became."""

    PENDING = "pending", "Pending"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


class Proof(models.TextChoices):
    """How the consumer showed that the account is theirs (aws-facts 5.4)."""

    NONE = "", "Not proved"
    ROLE = "role", "A role that demands our ExternalId"
    ORGANIZATION = "organization", "Member of a known organisation"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Which invitations."""

    def visible_to(self, actor: Actor) -> "InvitationQuerySet":
        """The owner's side: invitations all of whose functions lie in accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        items = InvitationItem.objects.filter(invitation=OuterRef("pk"))
        mine = {"policy__function__account__in": Account.objects.visible_to(actor)}
        return self.filter(Exists(items.filter(**mine)), ~Exists(items.exclude(**mine)))

    def open(self, now: datetime) -> "InvitationQuerySet":
        """Waiting for an answer, and not too old for one."""
        return self.filter(state=InvitationState.PENDING, expires_at__gt=now)

    def overdue(self, now: datetime) -> "InvitationQuerySet":
        """Pending past its last day: the sweep turns it to expired."""
        return self.filter(state=InvitationState.PENDING, expires_at__lte=now)

    def to_confirm(self) -> "InvitationQuerySet":
        """Accepted for an account the owner has not named: nothing is written before the owner confirms it."""
        return self.filter(state=InvitationState.ACCEPTED, confirmed_at=None)


class Invitation(models.Model):
    """An offer by e-mail. Its items become grants when it is accepted and, where it named no account, confirmed.

    The token of the link is random and kept as a digest only; a worker makes it when it sends the mail, so sending again
    makes a new link and kills the old one. `number` or `organization`: whom it is for; neither: whoever proves an account.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField()
    note = models.CharField(max_length=1000, blank=True, help_text="Plain text, shown as it is, never as a link.")
    state = models.CharField(max_length=9, choices=InvitationState, default=InvitationState.PENDING)
    number = models.CharField("account id", max_length=12, blank=True, validators=[TWELVE_DIGITS])
    organization = models.CharField(max_length=34, blank=True)
    expires_at = models.DateTimeField()
    token_digest = models.CharField(max_length=64, null=True, blank=True, unique=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="The last mail; null: none left yet.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_as = models.CharField(max_length=300, help_text="Actor.label at the time.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    form_token = models.CharField(max_length=64, null=True, blank=True, unique=True)

    # The other side
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.PROTECT, related_name="invitations", help_text="The proved account."
    )
    connection = models.ForeignKey(
        Connection, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="The checker role."
    )
    proof = models.CharField(max_length=12, choices=Proof, blank=True, default="")
    proved_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="Set at acceptance if the account was named.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was declined, cancelled or expired.")
    ended_as = models.CharField(max_length=300, blank=True, help_text="Actor.label, or the address that declined.")
    ended_reason = models.CharField(max_length=500, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["email", "state"], name="invitation_by_email"),
            models.Index(fields=["expires_at"], name="invitation_pending", condition=Q(state="pending")),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=InvitationState.values), name="invitation_state_known"),
            models.CheckConstraint(condition=Q(proof__in=Proof.values), name="invitation_proof_known"),
            models.CheckConstraint(condition=Q(number="") | Q(organization=""), name="invitation_for_one"),
            models.CheckConstraint(
                condition=~Q(state="accepted")
                | Q(account__isnull=False, accepted_by__isnull=False, accepted_at__isnull=False, proved_at__isnull=False),
                name="invitation_accepted_is_proved",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None) | Q(state="accepted"), name="invitation_confirmed_is_accepted"
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} ({self.state})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep with a new one which account it is for."""
        new = self._state.adding
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)
            if new and self.number:
                KeptConsumer.objects.keep([self.number])

    @property
    def awaits_confirmation(self) -> bool:
        """Whether the owner still has to say that the proved account is the one they meant."""
        return self.state == InvitationState.ACCEPTED and self.confirmed_at is None


class InvitationItem(models.Model):
    """One function, alias or version offered: what action, until when. `grant` once it became one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="items")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=100)
    ends_at = models.DateTimeField(null=True, blank=True)
    grant = models.OneToOneField(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="invitation_item")
    failure = models.TextField(blank=True, help_text="Why it could not become a grant.")
    failure_next = models.TextField(blank=True)

    class Meta:
        ordering = ("policy__function__name", "policy__qualifier", "action")
        constraints = (
            models.UniqueConstraint(
                fields=["invitation", "policy", "action"],
                name="invitation_item_once",
                violation_error_message="This function is in the invitation already.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} on {self.policy_id}"
