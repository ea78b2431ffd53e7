"""Which people act for which consumer accounts."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .person import Actor, User


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Which memberships."""

    def current(self) -> "MembershipQuerySet":
        """Not left, not ended."""
        return self.filter(ended_at=None)

    def of(self, actor: Actor) -> "MembershipQuerySet":
        """The signed-in person's own that still stand; nobody else has any."""
        if actor.kind != "person" or actor.person is None or not actor.active:
            return self.none()
        return self.current().filter(person=actor.person)


class Membership(models.Model):
    """A person sees what is shared with an account, and acts for it: check, ask, leave.

    Made when an invitation is accepted, after the account was proved (aws-facts 5.4). It is no scope: a person who runs an
    account's functions has it in `User.accounts`, and neither gives the other.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="memberships")
    invitation = models.ForeignKey("sharing.Invitation", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_as = models.CharField(max_length=300, blank=True, help_text="Actor.label of who ended it.")

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ("account__name", "account__number", "person__email")
        constraints = (
            models.UniqueConstraint(
                fields=["person", "account"],
                condition=Q(ended_at=None),
                name="membership_once",
                violation_error_message="This person acts for this account already.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.person} for {self.account}"
